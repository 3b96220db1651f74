import type { Live } from "../live";
import { useNow, useStore, type State, type Store } from "../store";
import { Connections } from "./Connections";
import { Gauge } from "./Gauge";
import { Instances } from "./Instances";
import { Latency } from "./Latency";
import { LinkState } from "./LinkState";
import { Pipelines } from "./Pipelines";
import { TestEvent } from "./TestEvent";
import { Throughput } from "./Throughput";
import { Totals } from "./Totals";
import { Types } from "./Types";
import { VerdictBand } from "./VerdictBand";
import { readingAge, staleAfter } from "./age";

/** The whole page. */
export function App({ store, live }: { store: Store<State>; live: Live }) {
  const state = useStore(store);
  const now = useNow();
  const { stats } = state;
  const age = readingAge(state, now);
  const stale = age !== null && age > staleAfter;
  return (
    <>
      <a class="skip" href="#main">
        Skip to the figures
      </a>
      <header class="masthead">
        <h1>Millrace</h1>
        <LinkState link={state.link} age={age} now={now} reconnect={live.reconnect} />
      </header>
      <main id="main" class={stale ? "panel stale" : "panel"}>
        <VerdictBand state={state} now={now} />
        <Throughput rates={stats?.rates} history={state.history} />
        <div class="stack">
          <Latency latency={stats?.latency_ms} />
          <TestEvent />
        </div>
        <Totals totals={stats?.totals} missing={stats?.missing ?? null} />
        <div class="stack wide">
          <Pipelines pipelines={stats?.pipelines ?? []} />
          <Instances instances={stats?.instances ?? []} serverNow={now + state.clockOffset} />
        </div>
        <div class="stack">
          <Gauge buffer={stats?.buffer} />
          <Connections connections={stats?.connections} />
          <Types types={stats?.types ?? []} />
        </div>
      </main>
    </>
  );
}
