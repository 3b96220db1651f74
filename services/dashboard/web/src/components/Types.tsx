import type { TypeCount } from "../api";
import { count, exact, share } from "../format";
import { topTypes } from "../types";
import { Bar } from "./Bar";

/** The most frequent types of events, and the rest as one. */
export function Types({ types }: { types: TypeCount[] }) {
  const rows = topTypes(types);
  const most = Math.max(0, ...rows.filter((r) => !r.other).map((r) => r.count));
  return (
    <section class="card" aria-labelledby="types-title">
      <h2 id="types-title">Events by type</h2>
      {rows.length === 0 && <p class="empty">No event has been counted yet.</p>}
      <ol class="types">
        {rows.map((r) => (
          <li key={`${r.other ?? false}${r.type}`}>
            <span class={r.other ? "type rest" : "type"}>{r.type}</span>
            <span class="number" title={exact(r.count)}>
              {count(r.count)}
            </span>
            <Bar share={share(r.count, most)} />
          </li>
        ))}
      </ol>
    </section>
  );
}
