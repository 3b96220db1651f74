import type { Figure, Stats } from "../api";
import { exact, rate } from "../format";
import type { Point } from "../history";
import { RateChart } from "./RateChart";

/** Events a second, in and out: now, and over the last two minutes. */
export function Throughput({ rates, history }: { rates: Stats["rates"] | undefined; history: readonly Point[] }) {
  const into = rates?.in_per_s ?? null;
  const out = rates?.out_per_s ?? null;
  return (
    <section class="card wide throughput" aria-labelledby="throughput-title">
      <h2 id="throughput-title">Throughput</h2>
      <dl class="big">
        <Rate name="In" note="accepted" id="rate-in" value={into} />
        <Rate name="Out" note="processed" id="rate-out" value={out} />
      </dl>
      <RateChart history={history} label={`Events a second over the last two minutes; now ${exact(into)} in, ${exact(out)} out`} />
    </section>
  );
}

function Rate({ name, note, id, value }: { name: string; note: string; id: string; value: Figure }) {
  return (
    <div>
      <dt>
        <span class={`swatch ${id}`} aria-hidden="true" />
        {name} <small>{note}</small>
      </dt>
      <dd id={id}>
        {rate(value)} <small>events/s</small>
      </dd>
    </div>
  );
}
