import { lazy, Suspense, useState } from "react";
import { Segmented } from "antd";
import { useQuery } from "@tanstack/react-query";
import { historyQuery } from "../../api/queries";
import type { History, PointValue } from "../../api/shapes";
import { useWords } from "../../i18n";
import { hubNow } from "../../live/clock";
import type { Line } from "../../parts/chart";
import { Empty, Loaded, Loading } from "../../parts/states";

const Chart = lazy(() => import("../../parts/chart").then((module) => ({ default: module.Chart })));
const HOURS = [1, 24, 168] as const;
const MINUTE_MS = 60_000;

/** What a point was over the last hour, day or week. */
export function PointHistory({ point }: { point: PointValue }) {
  const { t, text } = useWords();
  const [hours, setHours] = useState<number>(24);
  const [toMs] = useState(() => Math.ceil(hubNow() / MINUTE_MS) * MINUTE_MS);
  const fromMs = toMs - hours * 60 * MINUTE_MS;
  const query = useQuery(historyQuery(point.id, fromMs, toMs));
  return (
    <div className="history">
      <div className="bar">
        <b>{text(point.label)}</b>
        <Segmented<number> size="small" value={hours} onChange={setHours} options={HOURS.map((count) => ({ value: count, label: t(`history.${count}`) }))} />
      </div>
      <Loaded query={query}>
        {(history) =>
          history.mean.some((value) => value !== null) ? (
            <Suspense fallback={<Loading />}>
              <Chart lines={linesOf(history, t)} unit={history.unit} fromMs={fromMs} toMs={toMs} />
            </Suspense>
          ) : (
            <Empty>{t("history.none")}</Empty>
          )
        }
      </Loaded>
    </div>
  );
}

function linesOf(history: History, t: ReturnType<typeof useWords>["t"]): Line[] {
  const column = (values: (number | null)[]): Line["points"] => history.start_ms.map((ms, index) => [ms, values[index] ?? null]);
  return [
    { name: t("history.mean"), points: column(history.mean), strength: "strong" },
    { name: t("history.maximum"), points: column(history.maximum), strength: "band" },
    { name: t("history.minimum"), points: column(history.minimum), strength: "band" },
  ];
}
