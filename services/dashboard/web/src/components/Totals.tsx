import type { Figure, Totals as Counts } from "../api";
import { count, exact } from "../format";

const rows: { key: keyof Counts; name: string }[] = [
  { key: "accepted", name: "Accepted" },
  { key: "processed", name: "Processed" },
  { key: "pending", name: "Pending" },
  { key: "filtered", name: "Filtered" },
  { key: "duplicates", name: "Duplicates" },
  { key: "retried", name: "Retried" },
  { key: "rejected", name: "Rejected" },
  { key: "dropped", name: "Dropped" },
  { key: "dead", name: "Dead letters" },
];

/** Every event since the stream began, and whether the ledger accounts for all of them. */
export function Totals({ totals, missing }: { totals: Counts | undefined; missing: Figure }) {
  return (
    <section class="card full" aria-labelledby="totals-title">
      <h2 id="totals-title">
        Events <small>since the stream began</small>
      </h2>
      <dl class="totals">
        {rows.map(({ key, name }) => (
          <Total key={key} id={`total-${key}`} name={name} value={totals?.[key] ?? null} />
        ))}
        {/* Totals never shrink, so a colour on them would never go out: only this one can be wrong now. */}
        <Total id="total-missing" name="Missing" value={missing} state={missing === null ? "" : missing === 0 ? "ok" : "crit"} />
      </dl>
    </section>
  );
}

function Total({ id, name, value, state }: { id: string; name: string; value: Figure; state?: string }) {
  return (
    <div data-state={state}>
      <dt>{name}</dt>
      <dd id={id} title={exact(value)}>
        {count(value)}
      </dd>
    </div>
  );
}
