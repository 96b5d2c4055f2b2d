/** The one connection to /api/stream of a browser, and which points its tabs want. Runs in the SharedWorker or a tab. */
import type { StreamHello } from "../api/shapes";

export const STREAM_EVENTS = [
  "hello", "status", "alarm", "passage", "door", "camera", "device", "gateway", "command", "values", "resync",
] as const;
export type StreamEvent = (typeof STREAM_EVENTS)[number];

/** From the connection to a tab; `refused` means the hub answered no: the session may have ended. */
export interface FromStream {
  event: StreamEvent | "refused";
  data: string;
}

/** From a tab to the connection. A tab repeats `join` now and then: one not heard of is taken for closed. */
export interface ToStream {
  type: "join" | "leave";
  client: string;
  points: number[];
  csrf: string;
}

const RETRY_MS = 2000;
const SILENCE_MS = 10_000;
const FORGET_CLIENT_MS = 150_000;

interface Client {
  points: number[];
  heardMs: number;
}

export class StreamCore {
  private source: EventSource | null = null;
  private stream = "";
  private csrf = "";
  private sent = "";
  private heardMs = 0;
  private readonly clients = new Map<string, Client>();

  constructor(private readonly deliver: (message: FromStream) => void) {
    setInterval(() => this.watch(), RETRY_MS);
  }

  receive(message: ToStream): void {
    if (message.type === "leave") this.clients.delete(message.client);
    else this.clients.set(message.client, { points: message.points, heardMs: Date.now() });
    const otherSession = message.csrf !== this.csrf && message.csrf !== "";
    if (otherSession || this.clients.size === 0) this.close();
    if (otherSession) this.csrf = message.csrf;
    if (this.clients.size > 0 && !this.source) this.open();
    this.sendInterest();
  }

  private open(): void {
    const source = new EventSource("/api/stream");
    this.source = source;
    this.heardMs = Date.now();
    for (const event of STREAM_EVENTS) {
      source.addEventListener(event, (message) => this.hear(event, message.data as string));
    }
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return;
      this.close();
      this.deliver({ event: "refused", data: "" });
    });
  }

  private close(): void {
    this.source?.close();
    this.source = null;
    this.stream = this.sent = "";
  }

  private hear(event: StreamEvent, data: string): void {
    this.heardMs = Date.now();
    if (event === "hello") {
      this.stream = (JSON.parse(data) as StreamHello).stream;
      this.sent = "";
      this.sendInterest();
    }
    this.deliver({ event, data });
  }

  private watch(): void {
    for (const [id, client] of this.clients) {
      if (Date.now() - client.heardMs > FORGET_CLIENT_MS) this.clients.delete(id);
    }
    if (this.clients.size === 0 || Date.now() - this.heardMs > SILENCE_MS) this.close();
    if (this.clients.size > 0 && !this.source) this.open();
  }

  private sendInterest(): void {
    const points = [...new Set([...this.clients.values()].flatMap((client) => client.points))].sort((a, b) => a - b);
    const body = JSON.stringify({ points: points.slice(0, 5000) });
    if (!this.stream || body === this.sent) return;
    this.sent = body;
    void fetch(`/api/stream/${this.stream}/points`, {
      method: "PUT",
      headers: { "Content-Type": "application/json", "X-CSRF": this.csrf },
      body,
    }).catch(() => {
      this.sent = "";
    });
  }
}
