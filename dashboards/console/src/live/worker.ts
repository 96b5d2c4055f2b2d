/** SharedWorker: all tabs of the browser hear one connection, so that the seventh tab does not hang. */
import { StreamCore, type FromStream, type ToStream } from "./stream-core";

interface WorkerScope {
  addEventListener(type: "connect", listener: (event: MessageEvent) => void): void;
}

const ports = new Set<MessagePort>();
const core = new StreamCore((message: FromStream) => {
  for (const port of ports) port.postMessage(message);
});

(globalThis as unknown as WorkerScope).addEventListener("connect", (event) => {
  const port = event.ports[0];
  if (!port) return;
  ports.add(port);
  port.addEventListener("message", (message: MessageEvent<ToStream>) => {
    if (message.data.type === "leave") ports.delete(port);
    else ports.add(port);
    core.receive(message.data);
  });
  port.start();
});
