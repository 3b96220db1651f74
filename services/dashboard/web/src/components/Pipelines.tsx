import type { Figure, Pipeline } from "../api";
import { count, duration } from "../format";
import { Table, type Column } from "./Table";

const columns: Column<Pipeline>[] = [
  { name: "Pipeline", cell: (p) => p.name },
  { name: "Behind", number: true, cell: (p) => duration(p.lag_seconds) },
  { name: "Unread", number: true, cell: (p) => count(p.lag_events) },
  { name: "Pending", number: true, cell: (p) => count(p.pending) },
  { name: "Processed", number: true, cell: (p) => count(p.processed) },
  { name: "Filtered", number: true, cell: (p) => count(p.filtered) },
  { name: "Retried", number: true, cell: (p) => count(p.retried) },
  { name: "Dead", number: true, cell: (p) => count(p.dead) },
  { name: "Ledger", number: true, cell: (p) => <Balance missing={p.missing} /> },
];

/** What each pipeline has done and how far behind it is. */
export function Pipelines({ pipelines }: { pipelines: Pipeline[] }) {
  return (
    <section class="card" aria-labelledby="pipelines-title">
      <h2 id="pipelines-title">Pipelines</h2>
      <Table labelledBy="pipelines-title" columns={columns} rows={pipelines} id={(p) => p.name} empty="No pipeline is known yet." />
    </section>
  );
}

/** Lost when positive, counted twice when negative. */
function Balance({ missing }: { missing: Figure }) {
  if (missing === null) return <>{count(null)}</>;
  if (missing === 0) return <span class="good">balanced</span>;
  return <span class="bad">{missing > 0 ? `${count(missing)} lost` : `${count(-missing)} twice`}</span>;
}
