import { lazy, Suspense } from "react";
import { useQuery } from "@tanstack/react-query";
import { energyQuery } from "../../api/queries";
import type { Energy, History, MeterLine } from "../../api/shapes";
import { useWords } from "../../i18n";
import { useNow } from "../../live/clock";
import { Age } from "../../parts/age";
import type { Line } from "../../parts/chart";
import { durationText, valueText } from "../../parts/format";
import { usePlaceText } from "../../parts/place";
import { Panel } from "../../parts/panel";
import { Empty, Loaded, Loading } from "../../parts/states";
import { ThingLink } from "../../parts/thing";
import { DemandGauge } from "./demand-gauge";

const Chart = lazy(() => import("../../parts/chart").then((module) => ({ default: module.Chart })));
const DAY_MS = 86_400_000;
const METER_STALE_MS = 5 * 60_000;

export default function EnergyScreen() {
  const { t } = useWords();
  const query = useQuery(energyQuery);
  return (
    <div className="screen">
      <div className="bar">
        <h1>{t("menu.energy")}</h1>
      </div>
      <Loaded query={query}>
        {(energy) => (
          <div className="energy">
            <div className="energy-top">
              <Panel title={t("energy.demand")}>
                <DemandGauge energy={energy} />
              </Panel>
              <Panel title={t("energy.today")}>
                <Today energy={energy} />
              </Panel>
            </div>
            <Panel title={t("energy.curve")}>
              <DayCurve energy={energy} />
            </Panel>
            <Panel title={t("energy.meters")}>
              <Meters meters={energy.meters} />
            </Panel>
          </div>
        )}
      </Loaded>
    </div>
  );
}

function Today({ energy }: { energy: Energy }) {
  const { t } = useWords();
  const or = (value: number | null, unit: string): string => (value === null ? t("value.unknown") : valueText(value, unit));
  return (
    <div className="figures live">
      <p><span className="big num">{or(energy.today_kwh, "kWh")}</span><span className="quiet">{t("energy.used_today")}</span></p>
      <p><span className="big num">{or(energy.yesterday_kwh, "kWh")}</span><span className="quiet">{t("energy.used_yesterday")}</span></p>
      <p><span className="big num">{or(energy.power_kw, "kW")}</span><span className="quiet">{t("energy.power_now")}</span></p>
    </div>
  );
}

/** Today, and yesterday moved onto today's hours, against the demand limit. */
function DayCurve({ energy }: { energy: Energy }) {
  const { t } = useWords();
  const { curve, yesterday } = energy;
  const start = curve?.start_ms[0];
  if (!curve || start === undefined) return <Empty>{t("energy.no_curve")}</Empty>;
  const lines: Line[] = [{ name: t("energy.today"), points: pointsOf(curve, 0), strength: "strong" }];
  if (yesterday) lines.push({ name: t("energy.yesterday"), points: pointsOf(yesterday, DAY_MS), strength: "weak" });
  return (
    <Suspense fallback={<Loading />}>
      <Chart
        lines={lines}
        unit={curve.unit}
        fromMs={start}
        toMs={start + DAY_MS}
        height={280}
        limit={energy.limit_kw === null ? undefined : { value: energy.limit_kw, name: t("energy.limit") }}
      />
    </Suspense>
  );
}

function pointsOf(history: History, shiftMs: number): Line["points"] {
  return history.start_ms.map((ms, index) => [ms + shiftMs, history.mean[index] ?? null]);
}

function Meters({ meters }: { meters: MeterLine[] }) {
  const { t, text } = useWords();
  const placeText = usePlaceText();
  const now = useNow();
  if (meters.length === 0) return <Empty>{t("energy.no_meters")}</Empty>;
  const rows = [...meters].sort((a, b) => Number(b.main) - Number(a.main) || (b.power_kw ?? 0) - (a.power_kw ?? 0));
  return (
    <table className="points meters">
      <thead>
        <tr><th>{t("energy.meter")}</th><th>{t("energy.power_now")}</th><th>{t("energy.used_today")}</th><th>{t("energy.age")}</th></tr>
      </thead>
      <tbody>
        {rows.map((meter) => {
          const stale = meter.at_ms === null || now - meter.at_ms > METER_STALE_MS;
          return (
            <tr key={meter.device} className={stale ? "stale" : "live"}>
              <th>
                <ThingLink kind="device" id={meter.device}>{text(meter.name)}</ThingLink> {meter.main && <small className="quiet">{t("energy.main")}</small>}{" "}
                <small className="quiet">{placeText(meter.place)}</small>
              </th>
              <td className="num">{meter.power_kw === null ? t("value.unknown") : valueText(meter.power_kw, "kW")}</td>
              <td className="num">{meter.today_kwh === null ? t("value.unknown") : valueText(meter.today_kwh, "kWh")}</td>
              <td>{meter.at_ms === null ? t("value.never") : stale ? t("age.old", { age: durationText(now - meter.at_ms) }) : <Age atMs={meter.at_ms} />}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
