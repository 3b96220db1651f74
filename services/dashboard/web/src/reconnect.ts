// When to try again. Guide: 1 s at first, 1.5 times as long each time, 30 s at most.

const first = 1_000;
const factor = 1.5;
const longest = 30_000;

/**
 * The wait before the next attempt, in milliseconds, after `failures` in a row (1 or more). `chance` (0 to 1)
 * moves it by a fifth either way, so that browsers do not come back all at once.
 */
export function reconnectDelay(failures: number, chance: number): number {
  const wait = first * factor ** Math.max(0, failures - 1);
  return Math.min(wait * (0.8 + 0.4 * chance), longest);
}
