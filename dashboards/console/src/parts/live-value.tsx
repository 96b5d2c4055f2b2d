import type { PointValue } from "../api/shapes";
import { useWords } from "../i18n";
import { useNow } from "../live/clock";
import { useLivePoint } from "../live/values";
import { STALE_PERIODS } from "./age";
import { durationText, valueText } from "./format";

const UNCERTAIN = 16;
/** Even a fast point is not called stale before this. */
const STALE_AT_LEAST_MS = 5000;

interface Shown {
  value: number | null;
  quality: number;
  atMs: number | null;
  stale: boolean;
}

/** The newer of what the list brought and what the stream brought. */
function useShown(point: PointValue): Shown {
  const now = useNow();
  const live = useLivePoint(point.id);
  const newest = live && (point.at_ms ?? 0) <= (live.atMs ?? 0) ? live : { value: point.value, quality: point.quality, atMs: point.at_ms };
  const stale = newest.atMs === null || now - newest.atMs > Math.max(point.every_ms * STALE_PERIODS, STALE_AT_LEAST_MS);
  return { ...newest, stale };
}

/** The age of a point's newest value. */
export function LiveAge({ point }: { point: PointValue }) {
  const { t } = useWords();
  const now = useNow();
  const { atMs, stale } = useShown(point);
  if (atMs === null) return <small className="stale">{t("value.never")}</small>;
  const age = durationText(now - atMs);
  return <small className={stale ? "stale num" : "quiet num"}>{t(stale ? "age.old" : "age.ago", { age })}</small>;
}

/** A point's newest value; greyed when stale, with the reason in words when its quality is not good. */
export function LiveValue({ point }: { point: PointValue }) {
  const { t, text } = useWords();
  const { value, quality, atMs, stale } = useShown(point);
  const why = quality < UNCERTAIN ? "" : quality === point.quality ? text(point.quality_text) : t("quality.not_good");
  return (
    <span className={stale || quality >= UNCERTAIN ? "live stale" : "live"}>
      <span className="num" data-point={point.id} data-quality={quality} data-at={atMs ?? ""}>
        {value === null ? t("value.unknown") : valueText(value, point.unit, point.states)}
      </span>
      {why && <small> {why}</small>}
    </span>
  );
}
