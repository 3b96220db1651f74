import type { State } from "../store";

/** A reading older than this, in seconds, is said to be old: one comes every second. */
export const staleAfter = 5;

/** How old the reading on the page is, in seconds, by the server's clock; null: there is none. */
export function readingAge(state: Pick<State, "stats" | "clockOffset">, now: number): number | null {
  const time = state.stats?.time;
  if (!time) return null;
  return Math.max(0, (now + state.clockOffset - Date.parse(time)) / 1000);
}
