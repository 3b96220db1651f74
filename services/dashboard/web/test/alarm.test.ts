import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Alarm } from "../src/alarm";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a sleep ends after its time, or with the alarm", async () => {
  const alarm = new Alarm();
  alarm.ring(); // nobody sleeps
  const long = alarm.sleep(1000);
  await vi.advanceTimersByTimeAsync(1000);
  await long;
  const endless = alarm.sleep(Infinity);
  alarm.ring();
  await endless;
  expect(vi.getTimerCount()).toBe(0);
});
