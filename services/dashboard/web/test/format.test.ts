import { describe, expect, test } from "vitest";
import { count, duration, exact, millis, percent, rate, share } from "../src/format";

describe("what is not known is a dash, never 0", () => {
  test.each([count(null), rate(null), millis(null).value, duration(null), percent(null)])("%s", (text) => expect(text).toBe("–"));
  test("exact", () => expect(exact(null)).toBe("not known"));
});

test.each([
  [0, "0"],
  [999, "999"],
  [1_234_567, "1,234,567"],
  [999_999_999, "999,999,999"],
  [1_234_567_890, "1.235B"],
  [-3, "-3"],
])("count(%d) is %s", (n, text) => expect(count(n)).toBe(text));

test("exact shows every digit", () => expect(exact(1_234_567_890)).toBe("1,234,567,890"));

test.each([
  [0, "0"],
  [0.04, "0"],
  [12.34, "12.3"],
  [99.96, "100"],
  [118_204.6, "118,205"],
])("rate(%d) is %s", (n, text) => expect(rate(n)).toBe(text));

test.each([
  [0, "0", "ms"],
  [0.0042, "4.2", "µs"],
  [0.21, "210", "µs"],
  [0.996, "1.0", "ms"],
  [1.94, "1.9", "ms"],
  [12.6, "13", "ms"],
  [999, "999", "ms"],
  [999.9, "1.0", "s"],
  [61_000, "61", "s"],
])("millis(%d) is %s %s", (ms, value, unit) => expect(millis(ms)).toEqual({ value, unit }));

test.each([
  [0, "0 s"],
  [0.4, "< 1 s"],
  [59.9, "59 s"],
  [60, "1 min"],
  [61, "1 min 1 s"],
  [3_600, "1 h"],
  [3_660, "1 h 1 min"],
  [90_000, "1 d 1 h"],
])("duration(%d) is %s", (seconds, text) => expect(duration(seconds)).toBe(text));

test.each([
  [0, 10_000, "0 %"],
  [1, 10_000, "< 1 %"],
  [9_999, 10_000, "99 %"],
  [10_000, 10_000, "100 %"],
  [20_000, 10_000, "100 %"],
])("%d of %d is %s", (part, whole, text) => expect(percent(share(part, whole))).toBe(text));

test("a share of nothing is not known", () => expect(share(0, 0)).toBeNull());
