import { useEffect, useState } from "preact/hooks";
import type { Diagnosis, Stats } from "./api";
import type { Point } from "./history";
import type { Access } from "./key";
import type { Link } from "./source";

/** All that the page shows. */
export interface State {
  link: Link;
  /** Whether the gateway lets the page in. */
  access: Access;
  /** A key is shown. */
  keyed: boolean;
  stats: Stats | null;
  history: readonly Point[];
  diagnosis: Diagnosis | null;
  /** When the gateway last answered with a diagnosis, by the browser's clock; null: never. */
  diagnosedAt: number | null;
  /** Calls in a row that it has not answered. */
  diagnosisFailures: number;
  /** The server's clock minus the browser's, in milliseconds. */
  clockOffset: number;
}

/** A value that says when it changes. */
export class Store<T extends object> {
  private readonly listeners = new Set<() => void>();

  constructor(private value: T) {}

  get(): T {
    return this.value;
  }

  set(change: Partial<T>): void {
    this.value = { ...this.value, ...change };
    for (const listener of this.listeners) listener();
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

export function newStore(keyed: boolean): Store<State> {
  return new Store<State>({ ...nothing, keyed });
}

/** What is known before the gateway has said anything. */
export const nothing: State = {
  link: { state: "connecting", failures: 0 },
  access: "open",
  keyed: false,
  stats: null,
  history: [],
  diagnosis: null,
  diagnosedAt: null,
  diagnosisFailures: 0,
  clockOffset: 0,
};

/** The store's value; the component is drawn again when it changes. */
export function useStore<T extends object>(store: Store<T>): T {
  const [value, setValue] = useState(store.get());
  useEffect(() => {
    setValue(store.get()); // it may have changed since it was drawn
    return store.subscribe(() => setValue(store.get()));
  }, [store]);
  return value;
}

/** The time by the browser's clock, anew every second: ages and countdowns grow while nothing arrives. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), 1000);
    return () => window.clearInterval(timer);
  }, []);
  return now;
}
