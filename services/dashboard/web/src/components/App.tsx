import type { Live } from "../live";
import { useNow, useStore, type State, type Store } from "../store";
import { Connections } from "./Connections";
import { Gauge } from "./Gauge";
import { Instances } from "./Instances";
import { KeyForm } from "./KeyForm";
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
export function App({ store, live, shownKey }: { store: Store<State>; live: Live; shownKey(): string }) {
  const state = useStore(store);
  const now = useNow();
  const age = readingAge(state, now);
  const open = state.access === "open";
  return (
    <>
      <a class="skip" href="#main">
        Skip to the figures
      </a>
      <header class="masthead">
        <h1>Millrace</h1>
        <div class="link">
          {open && <LinkState link={state.link} age={age} now={now} reconnect={live.reconnect} />}
          {open && state.keyed && (
            <button type="button" id="forget-key" class="quiet" onClick={live.forgetKey}>
              Forget key
            </button>
          )}
        </div>
      </header>
      {open ? (
        <Figures state={state} now={now} age={age} shownKey={shownKey} />
      ) : (
        <main id="main" class="panel">
          <KeyForm access={state.access} use={live.useKey} />
        </main>
      )}
    </>
  );
}

interface FiguresProps {
  state: State;
  now: number;
  age: number | null;
  shownKey(): string;
}

/** What is known. */
function Figures({ state, now, age, shownKey }: FiguresProps) {
  const { stats } = state;
  const stale = age !== null && age > staleAfter;
  return (
    <main id="main" class={stale ? "panel stale" : "panel"}>
      <VerdictBand state={state} now={now} />
      <Throughput rates={stats?.rates} history={state.history} />
      <div class="stack">
        <Latency latency={stats?.latency_ms} />
        <TestEvent shownKey={shownKey} />
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
  );
}
