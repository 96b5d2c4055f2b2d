import type { Alarm } from "../../api/shapes";

/** Whether someone must still look at it. */
export function needsSomeone(alarm: Alarm): boolean {
  return (alarm.state === "active" || alarm.state === "cleared_unseen") && !alarm.shelved_until_ms && !alarm.suppressed;
}

/** Those that need someone first, then by priority, then newest first. */
export function byUrgency(a: Alarm, b: Alarm): number {
  const order = Number(needsSomeone(b)) - Number(needsSomeone(a)) || a.priority - b.priority;
  return order || b.raised_ms - a.raised_ms;
}

export type ShownState = Alarm["state"] | "shelved" | "suppressed";

/** The one word that matters most about an alarm's state. */
export function shownState(alarm: Alarm): ShownState {
  if (alarm.suppressed) return "suppressed";
  if (alarm.shelved_until_ms) return "shelved";
  return alarm.state;
}
