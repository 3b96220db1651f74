import type { Figure, Stats } from "./api";

/** How much of the past the chart shows, in seconds. */
export const span = 120;

/** One reading's rates; at is in seconds since 1970. */
export interface Point {
  at: number;
  in: Figure;
  out: Figure;
}

/** More than this between two readings (in seconds) is a gap: the line is not drawn across it. */
const gap = 5;

/** The history with a reading added and what is too old dropped. A reading that is not newer adds nothing. */
export function remember(history: readonly Point[], stats: Stats): readonly Point[] {
  if (stats.time === null) return history;
  const at = Date.parse(stats.time) / 1000;
  const last = history.at(-1);
  if (last && at <= last.at) return history;
  const kept = history.filter((p) => p.at >= at - span - gap);
  if (last && at - last.at > gap) kept.push({ at: last.at + 1, in: null, out: null });
  return [...kept, { at, in: stats.rates.in_per_s, out: stats.rates.out_per_s }];
}
