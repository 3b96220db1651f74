import type { Figure } from "./api";

// Numbers as a person reads them. What is not known is a dash: never 0.

export const unknown = "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });

/** A count, every digit of it up to a thousand million: figures that must agree can be compared. */
export function count(n: Figure): string {
  if (n === null) return unknown;
  return Math.abs(n) < 1e9 ? whole.format(n) : compact.format(n);
}

/** Every digit. */
export function exact(n: Figure): string {
  return n === null ? "not known" : whole.format(n);
}

/** Events a second. */
export function rate(n: Figure): string {
  if (n === null) return unknown;
  if (n < 100) return tenths.format(n);
  return n < 1e7 ? whole.format(n) : compact.format(n);
}

/** A time in milliseconds: the number and its unit. */
export function millis(ms: Figure): { value: string; unit: string } {
  if (ms === null) return { value: unknown, unit: "" };
  if (ms === 0) return { value: "0", unit: "ms" };
  if (ms < 0.995) return { value: digits(ms * 1000, 2), unit: "µs" };
  if (ms < 999.5) return { value: digits(ms, 2), unit: "ms" };
  return { value: digits(ms / 1000, 2), unit: "s" };
}

/** At least `least` significant digits, and all before the point. */
function digits(n: number, least: number): string {
  const before = n >= 1 ? Math.floor(Math.log10(n)) + 1 : 1;
  return n.toFixed(Math.max(0, least - before));
}

/** A length of time in seconds, in its two largest units. */
export function duration(seconds: Figure): string {
  if (seconds === null) return unknown;
  if (seconds < 1) return seconds === 0 ? "0 s" : "< 1 s";
  const s = Math.floor(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return two(Math.floor(s / 60), "min", s % 60, "s");
  if (s < 86400) return two(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  return two(Math.floor(s / 86400), "d", Math.floor((s % 86400) / 3600), "h");
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** How much of `whole` `part` is, 0 to 1; null when that is not known. */
export function share(part: Figure, whole: Figure): number | null {
  if (part === null || whole === null || whole <= 0) return null;
  return Math.min(1, Math.max(0, part / whole));
}

/** A share as a percentage. */
export function percent(share: number | null): string {
  if (share === null) return unknown;
  if (share > 0 && share < 0.01) return "< 1 %";
  return `${Math.floor(share * 100)} %`;
}
