import type { Figure, Quantiles, Stats } from "../api";
import { millis } from "../format";

/** How long things take, over the last 10 s. */
export function Latency({ latency }: { latency: Stats["latency_ms"] | undefined }) {
  return (
    <section class="card" aria-labelledby="latency-title">
      <h2 id="latency-title">
        Latency <small>last 10 s</small>
      </h2>
      <table class="quantiles">
        <thead>
          <tr>
            <th scope="col">
              <span class="visually-hidden">From arrival to</span>
            </th>
            <th scope="col">p50</th>
            <th scope="col">p95</th>
            <th scope="col">p99</th>
          </tr>
        </thead>
        <tbody>
          <Row name="Acknowledged" note="arrival to durable" q={latency?.ack} />
          <Row name="End to end" note="arrival to handled" q={latency?.end_to_end} />
          <Row name="Handler" note="one call" q={latency?.handler} />
        </tbody>
      </table>
    </section>
  );
}

function Row({ name, note, q }: { name: string; note: string; q: Quantiles | undefined }) {
  return (
    <tr>
      <th scope="row">
        {name} <small>{note}</small>
      </th>
      <Cell ms={q?.p50} />
      <Cell ms={q?.p95} />
      <Cell ms={q?.p99} />
    </tr>
  );
}

function Cell({ ms }: { ms: Figure | undefined }) {
  const { value, unit } = millis(ms ?? null);
  return (
    <td>
      {value}
      {unit && <small> {unit}</small>}
    </td>
  );
}
