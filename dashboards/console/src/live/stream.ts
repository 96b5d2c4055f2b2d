/** A tab's part in the stream: join, say which points it shows, leave. */
import { useEffect } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { csrfToken } from "../api/client";
import { expectHub } from "./connection";
import { createReceiver } from "./events";
import { openTransport, type Send } from "./transport";
import type { ToStream } from "./stream-core";
import { interest } from "./values";

const STILL_HERE_MS = 20_000;
const client = Math.random().toString(36).slice(2);
let send: Send | null = null;

function say(type: ToStream["type"]): void {
  send?.({ type, client, points: interest.get(), csrf: csrfToken() });
}

/** Hear the stream while mounted (that is, while signed in). */
export function useStream(): void {
  const cache = useQueryClient();
  useEffect(() => {
    send ??= openTransport(createReceiver(cache), () => say("join"));
    expectHub();
    say("join");
    const stop = interest.subscribe(() => say("join"));
    const timer = setInterval(() => say("join"), STILL_HERE_MS);
    const leave = (): void => say("leave");
    const back = (): void => say("join");
    addEventListener("pagehide", leave);
    addEventListener("pageshow", back);
    return () => {
      stop();
      clearInterval(timer);
      removeEventListener("pagehide", leave);
      removeEventListener("pageshow", back);
      leave();
    };
  }, [cache]);
}
