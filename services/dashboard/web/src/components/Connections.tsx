import type { Figure, Stats } from "../api";
import { count } from "../format";

/** Connections open now, at all gateways. */
export function Connections({ connections }: { connections: Stats["connections"] | undefined }) {
  return (
    <section class="card" aria-labelledby="connections-title">
      <h2 id="connections-title">Connections</h2>
      <dl class="pair">
        <Open id="connections-websocket" name="WebSocket" value={connections?.websocket ?? null} />
        <Open id="connections-sse" name="Event streams" value={connections?.sse ?? null} />
      </dl>
    </section>
  );
}

function Open({ id, name, value }: { id: string; name: string; value: Figure }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd id={id}>{count(value)}</dd>
    </div>
  );
}
