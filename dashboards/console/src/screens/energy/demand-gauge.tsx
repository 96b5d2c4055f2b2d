import type { Energy } from "../../api/shapes";
import { useWords } from "../../i18n";
import { useNow } from "../../live/clock";
import { durationText, valueText } from "../../parts/format";

/** From here on the demand deserves a look. */
const NEAR = 0.9;
const SCALE = 1.15;

/** Demand of the running interval against the limit, as a bar: grey while well below, with time left. */
export function DemandGauge({ energy }: { energy: Energy }) {
  const { t } = useWords();
  const now = useNow();
  const { demand_kw: demand, limit_kw: limit } = energy;
  if (demand === null) return <p className="stale">{t("energy.no_demand")}</p>;
  const share = limit ? demand / limit : 0;
  const look = share >= 1 ? "p1" : share >= NEAR ? "p2" : "";
  const top = Math.max(limit ?? demand, demand) * SCALE;
  const left = energy.interval_start_ms + energy.interval_s * 1000 - now;
  return (
    <div className={`gauge live ${look}`} data-testid="demand">
      <p>
        <span className="big num">{valueText(demand, "kW")}</span>
        {limit !== null && <span className="quiet">{t("energy.of_limit", { percent: Math.round(share * 100), limit: valueText(limit, "kW") })}</span>}
      </p>
      <div className="gauge-bar" role="meter" aria-valuenow={demand} aria-valuemin={0} aria-valuemax={limit ?? top} aria-label={t("energy.demand")}>
        <i style={{ width: `${(demand / top) * 100}%` }} />
        {limit !== null && <b style={{ left: `${(limit / top) * 100}%` }} title={t("energy.limit")} />}
      </div>
      <p className="quiet num">{left > 0 ? t("energy.interval_left", { time: durationText(left) }) : t("energy.interval_over")}</p>
    </div>
  );
}
