/** The hub's clock, never the browser's: campus time runs from the last status at the hub's speed. */
import { createStore, useStore } from "./store";

const clock = { hubMs: 0, wallMs: 0, speed: 1 };
const second = createStore(0);

/** Time the hub says it is, and how many campus seconds pass in a wall second. */
export function setClock(nowMs: number, speed: number): void {
  clock.hubMs = nowMs;
  clock.wallMs = performance.now();
  clock.speed = speed;
}

/** UTC ms at the hub; 0 until it has spoken. It runs on while the hub is cut off, so that ages stay true. */
export function hubNow(): number {
  return clock.hubMs === 0 ? 0 : clock.hubMs + (performance.now() - clock.wallMs) * clock.speed;
}

setInterval(() => second.set(Math.floor(hubNow() / 1000) * 1000), 1000);

/** The hub's time in whole seconds, rendering again as it passes. */
export function useNow(): number {
  return useStore(second) || hubNow();
}
