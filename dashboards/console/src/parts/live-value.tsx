import { Tooltip } from "antd";
import type { PointValue } from "../api/shapes";
import { useWords } from "../i18n";
import { useNow } from "../live/clock";
import { useLivePoint } from "../live/values";
import { STALE_PERIODS } from "./age";
import { durationText, valueText } from "./format";

const UNCERTAIN = 16;
/** Even a fast point is not called stale before this. */
const STALE_AT_LEAST_MS = 5000;

/** A point's newest value with its age; greyed when stale, with the reason in words when its quality is not good. */
export function LiveValue({ point }: { point: PointValue }) {
  const { t, text } = useWords();
  const now = useNow();
  const live = useLivePoint(point.id);
  const newer = live && (point.at_ms ?? 0) <= (live.atMs ?? 0) ? live : undefined;
  const value = newer ? newer.value : point.value;
  const quality = newer ? newer.quality : point.quality;
  const atMs = newer ? newer.atMs : point.at_ms;
  const ageMs = atMs === null ? null : now - atMs;
  const stale = ageMs === null || ageMs > Math.max(point.every_ms * STALE_PERIODS, STALE_AT_LEAST_MS);
  const why = quality < UNCERTAIN ? "" : quality === point.quality ? text(point.quality_text) : t("quality.not_good");
  return (
    <Tooltip title={why || undefined}>
      <span className={stale || quality >= UNCERTAIN ? "live stale" : "live"}>
        <span className="num" data-point={point.id} data-quality={quality} data-at={atMs ?? ""}>
          {value === null ? t("value.unknown") : valueText(value, point.unit, point.states)}
        </span>
        {stale && ageMs !== null && <small> {t("age.old", { age: durationText(ageMs) })}</small>}
      </span>
    </Tooltip>
  );
}
