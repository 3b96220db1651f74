import { expect, test } from "vitest";
import type { Stats } from "../src/api";
import { remember, span, type Point } from "../src/history";

const epoch = 1_772_366_400;

function stats(second: number | null, rate: number | null = 1): Stats {
  const time = second === null ? null : new Date((epoch + second) * 1000).toISOString();
  return { time, rates: { in_per_s: rate, out_per_s: rate } } as Stats;
}

function past(...seconds: number[]): readonly Point[] {
  return seconds.reduce<readonly Point[]>((history, s) => remember(history, stats(s)), []);
}

test("readings are kept in order, each once", () => {
  expect(past(1, 2, 2, 1, 3).map((p) => p.at - epoch)).toEqual([1, 2, 3]);
});

test("a reading without a time is none", () => expect(remember([], stats(null))).toEqual([]));

test("an unknown rate stays unknown", () => expect(remember([], stats(1, null))[0]).toMatchObject({ in: null, out: null }));

test("no line is drawn across a gap", () => {
  expect(past(1, 20).map((p) => [p.at - epoch, p.in])).toEqual([
    [1, 1],
    [2, null],
    [20, 1],
  ]);
});

test("what is older than the chart is dropped", () => {
  const history = past(...Array.from({ length: 1000 }, (_, i) => i));
  expect(history.length).toBeLessThan(span + 10);
  expect(history[0]!.at).toBeGreaterThan(epoch + 999 - span - 10);
});
