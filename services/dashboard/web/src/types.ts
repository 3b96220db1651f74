import type { TypeCount } from "./api";

const shown = 10;

/** The ten most frequent types, and one row for all others together if there are any. */
export function topTypes(types: readonly TypeCount[]): TypeCount[] {
  const named = types.filter((t) => !t.other).sort((a, b) => b.count - a.count);
  const rest = [...named.slice(shown), ...types.filter((t) => t.other)];
  const count = rest.reduce((sum, t) => sum + t.count, 0);
  const top = named.slice(0, shown);
  return count > 0 ? [...top, { type: "all others", count, other: true }] : top;
}
