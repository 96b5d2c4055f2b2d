import type { TFunction } from "i18next";

const CALENDARS = ["always", "school_hours", "after_hours", "work_hours"] as const;

/** When a rule looks, in words; a condition of the site's own keeps its name. */
export function calendarName(calendar: string, t: TFunction): string {
  const known = CALENDARS.find((one) => one === calendar);
  return known ? t(`calendar.${known}`) : calendar;
}

/** Who made a version: a person, or the configuration's file. */
export function authorName(author: string, t: TFunction): string {
  return author === "file" ? t("rules.from_file") : author;
}
