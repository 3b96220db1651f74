import type { Stats } from "../api";
import { count, percent, share } from "../format";
import { Bar } from "./Bar";

/** A buffer this full is about to make senders wait. */
const nearlyFull = 0.8;

/** How full the gateways' buffers are: events taken from clients and not yet stored. */
export function Gauge({ buffer }: { buffer: Stats["buffer"] | undefined }) {
  const size = buffer?.size ?? null;
  const capacity = buffer?.capacity ?? null;
  const full = share(size, capacity);
  return (
    <section class="card" aria-labelledby="buffer-title" data-state={full !== null && full >= nearlyFull ? "warn" : ""}>
      <h2 id="buffer-title">
        Buffer <small>taken, not yet stored</small>
      </h2>
      <p class="figure">
        <span id="buffer-share">{percent(full)}</span>
        <small>
          {count(size)} of {count(capacity)} events
        </small>
      </p>
      <Bar share={full} />
    </section>
  );
}
