import { Alarm } from "./alarm";
import { fetchDiagnosis, KeyRefused, streamURL, type Stats } from "./api";
import { remember } from "./history";
import { sendable, withKey, type Access, type KeyKeeper } from "./key";
import { RobustEventSource } from "./source";
import { nothing, type State, type Store } from "./store";

const everyDiagnosis = 2_000;
const patience = 5_000;
/** Calls in a row without an answer after which the stream, too, is taken for dead. */
const failuresUntilLost = 2;

/** What feeds the store. */
export interface Live {
  /** Tries again now instead of waiting. */
  reconnect(): void;
  /** Shows a key from now on, and keeps it for this tab. */
  useKey(key: string): void;
  /** Shows none any more, and drops what was learnt by it. */
  forgetKey(): void;
}

/** Keeps the store up to date: the statistics as they are streamed, the diagnosis every two seconds. */
export function goLive(store: Store<State>, key: KeyKeeper): Live {
  const source = new RobustEventSource(() => withKey(streamURL, key.get()), "stats", {
    onLink: (link) => store.set({ link }),
    onData: (data) => {
      const stats = JSON.parse(data) as Stats;
      store.set({ stats, history: remember(store.get().history, stats) });
    },
  });
  source.connect();
  window.addEventListener("online", () => store.get().access === "open" && source.connect());
  const alarm = new Alarm();
  void pollDiagnosis(store, source, key, alarm);
  return {
    reconnect: () => source.connect(),
    useKey: (text) => {
      if (!sendable(text)) return store.set({ access: "wrong" });
      key.keep(text);
      store.set({ keyed: true });
      alarm.ring();
    },
    forgetKey: () => {
      key.forget();
      shut(store, source, "asked");
      alarm.ring();
    },
  };
}

/** Shows nothing any more, and asks no more, until there is another key. */
function shut(store: Store<State>, source: RobustEventSource, access: Access): void {
  source.close();
  store.set({ ...nothing, access });
}

async function pollDiagnosis(store: Store<State>, source: RobustEventSource, key: KeyKeeper, alarm: Alarm): Promise<never> {
  for (;;) {
    const shown = key.get();
    try {
      const answer = await fetchDiagnosis(shown, AbortSignal.timeout(patience));
      if (key.get() === shown) {
        if (store.get().access !== "open") source.connect();
        store.set({ ...answer, access: "open", keyed: shown !== "", diagnosedAt: Date.now(), diagnosisFailures: 0 });
      }
    } catch (e) {
      if (e instanceof KeyRefused && key.get() === shown) {
        key.forget();
        shut(store, source, e.access);
        await alarm.sleep(Infinity);
        continue;
      }
      const failures = store.get().diagnosisFailures + 1;
      store.set({ diagnosisFailures: failures });
      // A network that swallows packets does not end a stream; its heartbeats are not shown to scripts.
      if (failures === failuresUntilLost && store.get().link.state === "live") source.lost();
    }
    if (key.get() === shown) await alarm.sleep(everyDiagnosis);
  }
}
