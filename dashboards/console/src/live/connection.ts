/** Whether the hub can be heard. A second without a status is nothing; five are a hub cut off. */
import { hubNow } from "./clock";
import { createStore, useStore } from "./store";

export type Connection = { state: "connecting" | "live" } | { state: "cut"; sinceMs: number };

const CUT_AFTER_MS = 5000;
const connection = createStore<Connection>({ state: "connecting" });
let heardWall = performance.now();
let heardHub = 0;

/** The hub said something just now. */
export function heard(): void {
  heardWall = performance.now();
  heardHub = hubNow();
  if (connection.get().state !== "live") connection.set({ state: "live" });
}

/** Forget the past, as after signing in. */
export function expectHub(): void {
  heardWall = performance.now();
  connection.set({ state: "connecting" });
}

setInterval(() => {
  const silent = performance.now() - heardWall > CUT_AFTER_MS;
  if (silent && connection.get().state !== "cut") connection.set({ state: "cut", sinceMs: heardHub });
}, 500);

export function useConnection(): Connection {
  return useStore(connection);
}
