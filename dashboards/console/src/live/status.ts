import type { Status } from "../api/shapes";
import { createStore, useStore } from "./store";

const status = createStore<Status | null>(null);

export function setStatus(next: Status): void {
  status.set(next);
}

/** The newest status; null until the hub has said one. */
export function useStatus(): Status | null {
  return useStore(status);
}

/** IANA zone of the site, for the formatting of every time. */
export function siteZone(): string {
  return status.get()?.zone ?? "UTC";
}
