/** The one place where times, ages and numbers become text. Times are shown in the site's zone, never the browser's. */
import type { Text } from "../api/shapes";
import { language } from "../i18n";
import { hubNow } from "../live/clock";
import { siteZone } from "../live/status";

interface Parts {
  date: string;
  time: string;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatFor(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  });
  formats.set(zone, made);
  return made;
}

function partsOf(ms: number): Parts {
  const parts = Object.fromEntries(formatFor(siteZone()).formatToParts(ms).map((part) => [part.type, part.value]));
  return {
    date: `${parts["year"]}-${parts["month"]}-${parts["day"]}`,
    time: `${parts["hour"]}:${parts["minute"]}:${parts["second"]}`,
  };
}

/** "14:03:22"; with the date in front when it is not the site's today. */
export function timeText(ms: number): string {
  const at = partsOf(ms);
  return at.date === partsOf(hubNow()).date ? at.time : `${at.date.slice(5)} ${at.time}`;
}

/** The hub writes moments inside its texts as {UTC ms}: show them as the site's time. */
export function withTimes(text: string): string {
  return text.replace(/\{(\d{12,14})\}/g, (_, ms: string) => timeText(Number(ms)));
}

/** "2026-11-24 14:03". */
export function dateTimeText(ms: number): string {
  const at = partsOf(ms);
  return `${at.date} ${at.time.slice(0, 5)}`;
}

/** "14:03", for axes. */
export function clockText(ms: number): string {
  return partsOf(ms).time.slice(0, 5);
}

/** How far the site's clock is ahead of UTC at that moment, in ms: charts know only UTC. */
export function zoneOffsetMs(ms: number): number {
  const at = partsOf(ms);
  return Date.parse(`${at.date}T${at.time}Z`) - Math.floor(ms / 1000) * 1000;
}

const UNITS: [limitS: number, perS: number, en: string, zh: string][] = [
  [60, 1, "s", "秒"],
  [3600, 60, "min", "分钟"],
  [86_400, 3600, "h", "小时"],
  [Infinity, 86_400, "d", "天"],
];

/** A duration in its largest unit, and one smaller where that helps: "45 s", "1 min 12 s", "12 min", "3 h 5 min". */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const index = UNITS.findIndex(([limit]) => seconds < limit);
  const whole = Math.floor(seconds / perOf(index));
  const rest = index > 0 ? Math.floor((seconds % perOf(index)) / perOf(index - 1)) : 0;
  const fine = index > 0 && whole < 5 && rest > 0;
  return fine ? `${amount(whole, index)}${gap()}${amount(rest, index - 1)}` : amount(whole, index);
}

function perOf(index: number): number {
  return UNITS[index]?.[1] ?? 1;
}

function amount(count: number, index: number): string {
  const [, , en, zh] = UNITS[index] ?? [0, 1, "s", "秒"];
  return language() === "zh-CN" ? `${count}${zh}` : `${count} ${en}`;
}

function gap(): string {
  return language() === "zh-CN" ? "" : " ";
}

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const DIGITS = [0, 1, 2, 3].map(
  (digits) => new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }),
);

/** A measured number with as many decimals as its size deserves: 1,204,331  391.2  84.25  0.125. */
export function numberText(value: number): string {
  if (Number.isInteger(value)) return WHOLE.format(value);
  const size = Math.abs(value);
  const digits = size >= 10_000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
  return (DIGITS[digits] ?? WHOLE).format(value);
}

/** A value with its unit, or the state it stands for. */
export function valueText(value: number, unit: string, states: Record<string, Text> = {}): string {
  const state = states[String(value)];
  if (state) return language() === "zh-CN" ? state.zh : state.en;
  return unit ? `${numberText(value)} ${unit}` : numberText(value);
}

