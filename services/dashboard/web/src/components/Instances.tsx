import type { Instance } from "../api";
import { duration } from "../format";
import { Table, type Column } from "./Table";

/** The processes that report to stats; serverNow is the server's time in milliseconds. */
export function Instances({ instances, serverNow }: { instances: Instance[]; serverNow: number }) {
  const since = (time: string | null) => (time === null ? null : Math.max(0, (serverNow - Date.parse(time)) / 1000));
  const columns: Column<Instance>[] = [
    { name: "Service", cell: (i) => i.service },
    { name: "State", cell: (i) => <State up={i.up} /> },
    { name: "Instance", cell: (i) => <code>{i.id}</code> },
    { name: "Version", cell: (i) => <code>{i.version}</code> },
    { name: "Started", number: true, cell: (i) => ago(duration(since(i.started))) },
    { name: "Reported", number: true, cell: (i) => ago(duration(since(i.reported))) },
  ];
  return (
    <section class="card" aria-labelledby="instances-title">
      <h2 id="instances-title">Instances</h2>
      <Table labelledBy="instances-title" columns={columns} rows={instances} id={(i) => i.id} empty="No instance is known yet." />
    </section>
  );
}

function ago(time: string): string {
  return /\d/.test(time) ? `${time} ago` : time;
}

function State({ up }: { up: boolean }) {
  return <span class={up ? "state up" : "state down"}>{up ? "up" : "down"}</span>;
}
