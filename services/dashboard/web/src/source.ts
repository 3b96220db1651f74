import { reconnectDelay } from "./reconnect";

/** Where the stream of events stands. */
export type Link =
  | { state: "connecting"; failures: number }
  | { state: "live" }
  | { state: "waiting"; failures: number; retryAt: number };

interface Listener {
  onData(data: string): void;
  onLink(link: Link): void;
}

/**
 * An EventSource that comes back by itself, says when, and can be told to come back now. (The browser's own
 * reconnecting neither tells nor slows down.)
 */
export class RobustEventSource {
  private source: EventSource | undefined;
  private timer: number | undefined;
  private failures = 0;

  constructor(
    private readonly url: () => string,
    private readonly event: string,
    private readonly listener: Listener,
  ) {}

  /** Connects, now, whatever it was doing or waiting for. */
  connect(): void {
    this.close();
    this.listener.onLink({ state: "connecting", failures: this.failures });
    const source = new EventSource(this.url());
    this.source = source;
    source.onerror = () => this.lost();
    source.addEventListener(this.event, (e: MessageEvent<string>) => {
      this.failures = 0;
      this.listener.onLink({ state: "live" });
      this.listener.onData(e.data);
    });
  }

  /** Gives the connection up and tries again after a while. */
  lost(): void {
    this.close();
    this.failures++;
    const delay = reconnectDelay(this.failures, Math.random());
    this.timer = window.setTimeout(() => this.connect(), delay);
    this.listener.onLink({ state: "waiting", failures: this.failures, retryAt: Date.now() + delay });
  }

  /** Ends the connection and whatever was planned. */
  close(): void {
    window.clearTimeout(this.timer);
    this.source?.close();
    this.source = undefined;
  }
}
