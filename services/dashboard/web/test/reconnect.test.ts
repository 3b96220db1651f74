import { expect, test } from "vitest";
import { reconnectDelay } from "../src/reconnect";

const middle = 0.5; // no jitter

test("1 s at first, then 1.5 times as long each time", () => {
  const delays = [1, 2, 3, 4].map((n) => reconnectDelay(n, middle));
  expect(delays).toEqual([1000, 1500, 2250, 3375]);
});

test("never more than 30 s", () => {
  for (let n = 1; n < 2000; n++) expect(reconnectDelay(n, 1)).toBeLessThanOrEqual(30_000);
  expect(reconnectDelay(2000, 1)).toBe(30_000);
});

test("jitter moves it by a fifth either way", () => {
  expect(reconnectDelay(1, 0)).toBeCloseTo(800);
  expect(reconnectDelay(1, 1)).toBeCloseTo(1200);
});
