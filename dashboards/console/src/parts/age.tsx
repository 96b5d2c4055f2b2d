import { useWords } from "../i18n";
import { useNow } from "../live/clock";
import { durationText, timeText } from "./format";

/** Older than this many periods is stale. */
export const STALE_PERIODS = 3;

/** "12 s ago", counting on by the hub's clock. */
export function Age({ atMs }: { atMs: number }) {
  const { t } = useWords();
  const now = useNow();
  return <span className="num">{t("age.ago", { age: durationText(now - atMs) })}</span>;
}

/** Time of day, with the date when it is not today's. */
export function At({ ms }: { ms: number }) {
  return <time className="num nowrap">{timeText(ms)}</time>;
}

/** "14:03:22 (1 min 12 s)". */
export function AtSince({ ms }: { ms: number }) {
  const now = useNow();
  return (
    <span className="num nowrap">
      {timeText(ms)} ({durationText(now - ms)})
    </span>
  );
}
