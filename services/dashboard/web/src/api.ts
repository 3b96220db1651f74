// What the gateway says, as it says it. What is not known is null.

import { bearer, judgeKey, type Access } from "./key";

export type Figure = number | null;

export interface Quantiles {
  p50: Figure;
  p95: Figure;
  p99: Figure;
}

export interface Totals {
  accepted: Figure;
  duplicates: Figure;
  rejected: Figure;
  dropped: Figure;
  processed: Figure;
  filtered: Figure;
  retried: Figure;
  dead: Figure;
  pending: Figure;
}

export interface Pipeline {
  name: string;
  lag_events: Figure;
  lag_seconds: Figure;
  pending: Figure;
  processed: Figure;
  filtered: Figure;
  retried: Figure;
  dead: Figure;
  missing: Figure;
}

export interface TypeCount {
  type: string;
  count: number;
  /** The sum of the types that have no row of their own. */
  other?: boolean;
}

export interface Instance {
  id: string;
  service: string;
  up: boolean;
  started: string | null;
  version: string;
  reported: string | null;
}

/** The body of /api/stats, and the data of the event `stats` of /api/stats/stream. */
export interface Stats {
  time: string | null;
  totals: Totals;
  rates: { in_per_s: Figure; out_per_s: Figure };
  latency_ms: { ack: Quantiles; end_to_end: Quantiles; handler: Quantiles };
  buffer: { size: Figure; capacity: Figure; dropped: Figure };
  connections: { websocket: Figure; sse: Figure };
  pipelines: Pipeline[];
  types: TypeCount[];
  instances: Instance[];
  missing: Figure;
}

export type Status = "ok" | "warn" | "crit" | "unknown";

export interface Finding {
  id: string;
  subject: string;
  status: Status;
  title: string;
  symptom: string;
  loss: string;
  cause: string;
  evidence: { name: string; value: string }[];
  ruled_out: { id: string; reason: string }[];
  remedy: string;
  link: string;
  skipped_by: string;
  since: string | null;
}

/** The body of /api/diagnosis. */
export interface Diagnosis {
  time: string | null;
  status: Status;
  rules: number;
  findings: Finding[];
}

/** What a client of /ws is told. */
export type ServerMessage =
  | { type: "hello"; next: number; durability: string }
  | { type: "ack"; seq: number }
  | { type: "error"; seq?: number; code: string; message: string; help?: string }
  | { type: "ping" | "pong" | "slow" | "go" | "draining" };

export const streamURL = "/api/stats/stream";

/** A call was refused for want of a key, or because of the one that it showed. */
export class KeyRefused extends Error {
  constructor(readonly access: Access) {
    super(`the key: ${access}`);
  }
}

/** The diagnosis, and the server's clock beside the browser's, in milliseconds. It may throw KeyRefused. */
export async function fetchDiagnosis(key: string, signal: AbortSignal): Promise<{ diagnosis: Diagnosis; clockOffset: number }> {
  const response = await fetch("/api/diagnosis", { signal, cache: "no-store", headers: bearer(key) });
  const refused = judgeKey(response.status, key);
  if (refused) throw new KeyRefused(refused);
  if (!response.ok) throw new Error(`the gateway answers ${response.status}`);
  const date = Date.parse(response.headers.get("Date") ?? "");
  return { diagnosis: await response.json(), clockOffset: Number.isNaN(date) ? 0 : date - Date.now() };
}
