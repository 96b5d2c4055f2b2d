/** How a tab reaches the one stream: a SharedWorker, else the tab that leads the others, else its own connection. */
import { StreamCore, type FromStream, type ToStream } from "./stream-core";

export type Send = (message: ToStream) => void;
type Deliver = (message: FromStream) => void;

export function openTransport(deliver: Deliver, again: () => void): Send {
  if (typeof SharedWorker === "function") return throughWorker(deliver);
  if ("locks" in navigator && typeof BroadcastChannel === "function") return throughLeader(deliver, again);
  const core = new StreamCore(deliver);
  return (message) => core.receive(message);
}

function throughWorker(deliver: Deliver): Send {
  const worker = new SharedWorker(new URL("./worker.ts", import.meta.url), { type: "module", name: "campushub-stream" });
  worker.port.addEventListener("message", (event: MessageEvent<FromStream>) => deliver(event.data));
  worker.port.start();
  return (message) => worker.port.postMessage(message);
}

type OnChannel = { to: "leader"; message: ToStream } | { to: "tabs"; message: FromStream } | { to: "all"; lead: true };

/** The tab that holds the lock connects for all; when it closes, another gets the lock and asks the tabs to join again. */
function throughLeader(deliver: Deliver, again: () => void): Send {
  const channel = new BroadcastChannel("campushub-stream");
  const post = (message: OnChannel): void => channel.postMessage(message);
  let core: StreamCore | null = null;
  channel.addEventListener("message", (event: MessageEvent<OnChannel>) => {
    const heard = event.data;
    if (heard.to === "tabs") deliver(heard.message);
    else if (heard.to === "all") again();
    else core?.receive(heard.message);
  });
  void navigator.locks.request("campushub-stream", () => {
    core = new StreamCore((message) => {
      post({ to: "tabs", message });
      deliver(message);
    });
    post({ to: "all", lead: true });
    again();
    return new Promise<never>(() => undefined);
  });
  return (message) => (core ? core.receive(message) : post({ to: "leader", message }));
}
