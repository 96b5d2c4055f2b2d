/** What each event of the stream changes: the query cache's lists, the status, the live values. */
import type { QueryClient } from "@tanstack/react-query";
import type {
  Alarm, Camera, CommandStatus, Device, DeviceDetail, Door, Gateway, LiveValues, Passage, Status,
} from "../api/shapes";
import { soundFor } from "./sound";
import { heard } from "./connection";
import { setStatus } from "./status";
import type { FromStream } from "./stream-core";
import { takeValues } from "./values";

const PASSAGES_KEPT = 50;

export function createReceiver(cache: QueryClient): (message: FromStream) => void {
  let heardBefore = false;
  return ({ event, data }) => {
    if (event !== "refused") heard();
    switch (event) {
      case "hello": // a new connection: between it and the last one something may have been missed
        if (heardBefore) void cache.invalidateQueries();
        break;
      case "status":
        setStatus(JSON.parse(data) as Status);
        break;
      case "alarm":
        takeAlarm(cache, JSON.parse(data) as Alarm);
        break;
      case "passage":
        takePassage(cache, JSON.parse(data) as Passage);
        break;
      case "door":
        upsert(cache, ["doors"], JSON.parse(data) as Door);
        break;
      case "camera":
        upsert(cache, ["cameras"], JSON.parse(data) as Camera);
        break;
      case "gateway":
        upsert(cache, ["gateways"], JSON.parse(data) as Gateway);
        break;
      case "device":
        takeDevice(cache, JSON.parse(data) as Device);
        break;
      case "command": {
        const command = JSON.parse(data) as CommandStatus;
        cache.setQueryData(["command", command.id], command);
        break;
      }
      case "values":
        takeValues(JSON.parse(data) as LiveValues);
        break;
      case "resync":
        void cache.invalidateQueries();
        break;
      case "refused":
        void cache.invalidateQueries({ queryKey: ["me"] });
    }
    heardBefore = true;
  };
}

/** Replace the item with the same id, or put it first. */
function merged<T extends { id: unknown }>(list: T[], item: T): T[] {
  const index = list.findIndex((other) => other.id === item.id);
  return index < 0 ? [item, ...list] : list.with(index, item);
}

function upsert<T extends { id: unknown }>(cache: QueryClient, key: string[], item: T): void {
  cache.setQueryData<T[]>(key, (list) => list && merged(list, item));
}

function takeAlarm(cache: QueryClient, alarm: Alarm): void {
  const before = cache.getQueryData<Alarm[]>(["alarms", "open"]);
  soundFor(alarm, before?.find((other) => other.id === alarm.id));
  cache.setQueryData<Alarm[]>(["alarms", "open"], (list) =>
    alarm.state === "normal" ? list?.filter((other) => other.id !== alarm.id) : list && merged(list, alarm),
  );
  upsert(cache, ["alarms", "all"], alarm);
  cache.setQueryData(["alarm", alarm.id], alarm);
}

function takePassage(cache: QueryClient, passage: Passage): void {
  const keys = [...(passage.lane ? [["passages", "lanes"]] : []), ["passages", "door", passage.door]];
  for (const key of keys) {
    cache.setQueryData<Passage[]>(key, (list) => list && merged(list, passage).slice(0, PASSAGES_KEPT));
  }
}

function takeDevice(cache: QueryClient, device: Device): void {
  upsert(cache, ["devices"], device);
  cache.setQueryData<DeviceDetail>(["device", device.id], (detail) => detail && { ...detail, ...device });
}
