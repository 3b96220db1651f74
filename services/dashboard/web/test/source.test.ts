import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { RobustEventSource, type Link } from "../src/source";

class FakeEventSource {
  static all: FakeEventSource[] = [];
  onerror: (() => void) | null = null;
  closed = false;
  private readonly listeners = new Map<string, (e: { data: string }) => void>();

  constructor(readonly url: string) {
    FakeEventSource.all.push(this);
  }

  addEventListener(name: string, listener: (e: { data: string }) => void): void {
    this.listeners.set(name, listener);
  }

  close(): void {
    this.closed = true;
  }

  send(data: string): void {
    this.listeners.get("stats")?.({ data });
  }
}

beforeEach(() => {
  FakeEventSource.all = [];
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  vi.stubGlobal("EventSource", FakeEventSource);
  vi.stubGlobal("window", globalThis);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function connected() {
  const links: Link[] = [];
  const data: string[] = [];
  const source = new RobustEventSource(() => "/stream", "stats", { onLink: (l) => links.push(l), onData: (d) => data.push(d) });
  source.connect();
  return { source, links, data };
}

const newest = () => FakeEventSource.all.at(-1)!;

test("it is live with the first event", () => {
  const { links, data } = connected();
  expect(links).toEqual([{ state: "connecting", failures: 0 }]);
  newest().send("1");
  expect(links.at(-1)).toEqual({ state: "live" });
  expect(data).toEqual(["1"]);
});

test("it waits longer after each failure, and says until when", () => {
  const { links } = connected();
  for (const delay of [1000, 1500, 2250]) {
    newest().onerror!();
    expect(newest().closed).toBe(true);
    expect(links.at(-1)).toMatchObject({ state: "waiting", retryAt: Date.now() + delay });
    const attempts = FakeEventSource.all.length;
    vi.advanceTimersByTime(delay - 1);
    expect(FakeEventSource.all.length).toBe(attempts);
    vi.advanceTimersByTime(1);
    expect(FakeEventSource.all.length).toBe(attempts + 1);
  }
});

test("an event starts the count anew", () => {
  const { links } = connected();
  newest().onerror!();
  vi.advanceTimersByTime(1000);
  newest().onerror!();
  vi.advanceTimersByTime(1500);
  newest().send("1");
  newest().onerror!();
  expect(links.at(-1)).toMatchObject({ state: "waiting", failures: 1 });
});

test("it can be told to come back now, once", () => {
  const { source } = connected();
  newest().onerror!();
  source.connect();
  expect(FakeEventSource.all.length).toBe(2);
  vi.advanceTimersByTime(60_000);
  expect(FakeEventSource.all.length).toBe(2);
});

test("closed is closed", () => {
  const { source } = connected();
  newest().onerror!();
  source.close();
  vi.advanceTimersByTime(60_000);
  expect(FakeEventSource.all.length).toBe(1);
});
