import type { EditableLimit, Rule } from "../../api/shapes";

export type Limits = Record<string, number | string>;

export function limitsOf(rule: Rule): Limits {
  return Object.fromEntries(rule.limits.map((limit) => [limit.path, limit.value]));
}

/** Only what differs from the rule as it is. */
export function changedLimits(rule: Rule, limits: Limits): Limits {
  return Object.fromEntries(Object.entries(limits).filter(([path, value]) => rule.limits.find((limit) => limit.path === path)?.value !== value));
}

export type LimitProblem = "number" | "low" | "high" | "duration";

const DURATION = /^\d+(\.\d+)?\s*(ms|s|min|h|d)$/;

/** What is wrong with a limit's value, before the hub is asked. Words that were no duration before need not be one now. */
export function problemOf(limit: EditableLimit, value: number | string): LimitProblem | null {
  if (typeof limit.value === "string") {
    return DURATION.test(limit.value) && !DURATION.test(String(value).trim()) ? "duration" : null;
  }
  if (typeof value !== "number" || !Number.isFinite(value)) return "number";
  if (limit.minimum !== null && limit.minimum !== undefined && value < limit.minimum) return "low";
  if (limit.maximum !== null && limit.maximum !== undefined && value > limit.maximum) return "high";
  return null;
}
