import type { Status } from "../api/shapes";
import { setClock } from "./clock";
import { createStore, useStore } from "./store";

const status = createStore<Status | null>(null);

/** Take a status: the hub's clock goes by it too. */
export function setStatus(next: Status): void {
  setClock(next.now_ms, next.speed);
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
