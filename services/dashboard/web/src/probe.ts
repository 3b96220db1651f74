import type { ServerMessage } from "./api";
import { protocols } from "./key";

/** What became of a test event. */
export type Outcome =
  | { ok: true; seq: number; millis: number; durability: string }
  | { ok: false; reason: string };

const patience = 10_000;

/** The address of /ws on the host of the page. */
export function socketURL(page: { protocol: string; host: string }): string {
  return `${page.protocol === "https:" ? "wss" : "ws"}://${page.host}/ws`;
}

/** Sends one event as any client would, and measures the time until its acknowledgement. It does not throw. */
export function sendTestEvent(url: string, key: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocols(key));
    let exchange: Exchange | undefined;
    const end = (outcome: Outcome) => {
      clearTimeout(timer);
      socket.onclose = socket.onmessage = null;
      socket.close();
      resolve(outcome);
    };
    const timer = setTimeout(() => end(failed("no acknowledgement came within 10 s")), patience);
    socket.onclose = (e) => end(failed(closed(e, exchange !== undefined, key !== "")));
    socket.onmessage = (e) => {
      const message = JSON.parse(String(e.data)) as ServerMessage;
      if (message.type === "hello" && !exchange) {
        exchange = { seq: message.next, durability: message.durability, sent: performance.now() };
        socket.send(JSON.stringify({ type: "test", data: { value: 42 } }));
        return;
      }
      const outcome = exchange && judge(message, exchange, performance.now());
      if (outcome) end(outcome);
    };
  });
}

/** The event that was sent: its number, when, and what an acknowledgement promises. */
export interface Exchange {
  seq: number;
  durability: string;
  sent: number;
}

/** What a message says about the event, if it says anything. Acknowledgements are cumulative. */
export function judge(message: ServerMessage, sent: Exchange, now: number): Outcome | undefined {
  if (message.type === "ack" && message.seq >= sent.seq) {
    return { ok: true, seq: sent.seq, millis: now - sent.sent, durability: sent.durability };
  }
  if (message.type === "error" && (message.seq === undefined || message.seq === sent.seq)) {
    return failed(`${message.code}: ${message.message}`);
  }
  return undefined;
}

/** Why a connection ended. A browser does not tell a script why it could not be opened. */
export function closed(e: { code: number; reason: string }, opened: boolean, keyed: boolean): string {
  if (e.reason) return `the gateway closed the connection: ${e.reason} (${e.code})`;
  if (opened) return `the connection was closed (${e.code})`;
  const scope = keyed ? ", or with a key that lacks the scope publish" : "";
  return `no connection to /ws; the gateway takes none while Redis is away${scope}`;
}

function failed(reason: string): Outcome {
  return { ok: false, reason };
}
