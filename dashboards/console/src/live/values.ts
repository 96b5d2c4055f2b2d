/** Live values by point, outside React: one value's change renders only the cells that show it. */
import { useEffect, useState, useSyncExternalStore } from "react";
import type { LiveValues } from "../api/shapes";
import { createStore } from "./store";

export interface LivePoint {
  value: number | null;
  quality: number;
  atMs: number | null;
}

const values = new Map<number, LivePoint>();
const watchers = new Map<number, Set<() => void>>();
const wantedBy = new Map<symbol, number[]>();

/** All points any mounted component wants. */
export const interest = createStore<number[]>([]);

export function takeValues(live: LiveValues): void {
  live.points.forEach((point, index) => {
    values.set(point, {
      value: live.values[index] ?? null,
      quality: live.quality[index] ?? 0,
      atMs: live.at_ms[index] ?? null,
    });
    for (const watcher of watchers.get(point) ?? []) watcher();
  });
}

function watch(point: number, listener: () => void): () => void {
  const set = watchers.get(point) ?? new Set();
  watchers.set(point, set.add(listener));
  return () => set.delete(listener);
}

/** The newest value the stream brought, or undefined when it has brought none yet. */
export function useLivePoint(point: number): LivePoint | undefined {
  return useSyncExternalStore(
    (listener) => watch(point, listener),
    () => values.get(point),
  );
}

/** Ask for these points while the component is mounted. */
export function useInterest(points: number[]): void {
  const [me] = useState(() => Symbol("interest"));
  const key = points.join(",");
  useEffect(() => {
    wantedBy.set(me, key ? key.split(",").map(Number) : []);
    interest.set([...new Set([...wantedBy.values()].flat())]);
    return () => {
      wantedBy.delete(me);
      interest.set([...new Set([...wantedBy.values()].flat())]);
    };
  }, [me, key]);
}
