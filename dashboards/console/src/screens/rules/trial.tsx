import { useQuery, keepPreviousData } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Button, Segmented } from "antd";
import { api, dataOf } from "../../api/client";
import type { Trial, TrialFire } from "../../api/shapes";
import { useWords } from "../../i18n";
import { At } from "../../parts/age";
import { durationText, numberText } from "../../parts/format";
import { Empty, Loaded } from "../../parts/states";
import type { Limits } from "./limits";

const SETTLE_MS = 500;
const HOURS = [24, 168, 720];

/** What the limits as typed would have done; asked anew half a second after the last key. */
export function RuleTrial({ rule, limits, valid }: { rule: string; limits: Limits; valid: boolean }) {
  const { t } = useWords();
  const [started, setStarted] = useState(false);
  const [hours, setHours] = useState(24);
  const wanted = useSettled(limits);
  const query = useQuery({
    queryKey: ["trial", rule, hours, wanted],
    queryFn: () => dataOf(api.POST("/api/rules/{rule}/trial", { params: { path: { rule } }, body: { limits: wanted, hours } })),
    enabled: started && valid,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
  });
  return (
    <section>
      <div className="bar">
        <h3>{t("rules.trial")}</h3>
        <Segmented size="small" value={hours} onChange={setHours} options={HOURS.map((count) => ({ value: count, label: durationText(count * 3_600_000) }))} />
        {!started && <Button size="small" onClick={() => setStarted(true)} data-testid="trial">{t("rules.try")}</Button>}
      </div>
      {started && <Loaded query={query}>{(trial) => <TrialResult trial={trial} />}</Loaded>}
    </section>
  );
}

function useSettled(value: Limits): Limits {
  const key = JSON.stringify(value);
  const [settled, setSettled] = useState(key);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(key), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [key]);
  return JSON.parse(settled) as Limits;
}

function TrialResult({ trial }: { trial: Trial }) {
  const { t } = useWords();
  const facts = { readings: numberText(trial.readings), events: numberText(trial.events) };
  return (
    <div data-testid="trial-result" data-fired={trial.fired.length}>
      <p>
        <b className="num">{t("rules.would_fire", { count: trial.fired.length })}</b> <span className="quiet num">{t("rules.looked_at", facts)}</span>
      </p>
      {trial.fired.length > 0 ? <Firings trial={trial} /> : <Empty>{t("rules.would_not")}</Empty>}
    </div>
  );
}

function Firings({ trial }: { trial: Trial }) {
  const { t, text } = useWords();
  const span = trial.to_ms - trial.from_ms;
  const left = (fire: TrialFire): number => (100 * (fire.raised_ms - trial.from_ms)) / span;
  const width = (fire: TrialFire): number => Math.max(0.4, (100 * ((fire.cleared_ms ?? trial.to_ms) - fire.raised_ms)) / span);
  return (
    <>
      <div className="firings" aria-hidden>
        {trial.fired.map((fire, index) => (
          <i key={index} style={{ left: `${left(fire)}%`, width: `${width(fire)}%` }} />
        ))}
      </div>
      <ul className="lines">
        {trial.fired.map((fire, index) => (
          <li key={index}>
            <At ms={fire.raised_ms} />
            <span className="grow cut">{text(fire.title)} <span className="quiet">{fire.subject}</span></span>
            {fire.value !== null && <span className="num">{numberText(fire.value)}</span>}
            <span className="num quiet">{fire.cleared_ms === null ? t("rules.still_on") : durationText(fire.cleared_ms - fire.raised_ms)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
