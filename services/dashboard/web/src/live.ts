import { fetchDiagnosis, streamURL, type Stats } from "./api";
import { remember } from "./history";
import { RobustEventSource } from "./source";
import type { State, Store } from "./store";

const everyDiagnosis = 2_000;
const patience = 5_000;
/** Calls in a row without an answer after which the stream, too, is taken for dead. */
const failuresUntilLost = 2;

/** What feeds the store. */
export interface Live {
  /** Tries again now instead of waiting. */
  reconnect(): void;
}

/** Keeps the store up to date: the statistics as they are streamed, the diagnosis every two seconds. */
export function goLive(store: Store<State>): Live {
  const source = new RobustEventSource(streamURL, "stats", {
    onLink: (link) => store.set({ link }),
    onData: (data) => {
      const stats = JSON.parse(data) as Stats;
      store.set({ stats, history: remember(store.get().history, stats) });
    },
  });
  source.connect();
  window.addEventListener("online", () => source.connect());
  void pollDiagnosis(store, source);
  return { reconnect: () => source.connect() };
}

async function pollDiagnosis(store: Store<State>, source: RobustEventSource): Promise<never> {
  for (;;) {
    try {
      const answer = await fetchDiagnosis(AbortSignal.timeout(patience));
      store.set({ ...answer, diagnosedAt: Date.now(), diagnosisFailures: 0 });
    } catch {
      const failures = store.get().diagnosisFailures + 1;
      store.set({ diagnosisFailures: failures });
      // A network that swallows packets does not end a stream; its heartbeats are not shown to scripts.
      if (failures === failuresUntilLost && store.get().link.state === "live") source.lost();
    }
    await new Promise((resolve) => setTimeout(resolve, everyDiagnosis));
  }
}
