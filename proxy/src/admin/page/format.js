// Numbers for people, always with their units. A dash where the value is unknown.

export const NONE = "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** Three significant digits, more only before the decimal point. */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  if (size >= 100 || value === 0) return whole.format(value);
  return value.toFixed(size >= 10 ? 1 : 2);
}

export const count = (value) => (value === null || value === undefined ? NONE : whole.format(value));

/** A load with its unit. */
export const load = (value, unit) => (number(value) === NONE ? NONE : `${number(value)}${unit && ` ${unit}`}`);

/** A share as percent. Less than all never shows as 100 %, and more than none never as 0 %. */
export function percent(part, digits = 0) {
  if (part === null || part === undefined || !Number.isFinite(part)) return NONE;
  const step = 10 ** -digits;
  if (part === 1) return "100 %";
  let shown = 100 * part;
  if (part < 1) shown = Math.min(shown, 100 - step);
  if (part > 0) shown = Math.max(shown, step);
  return `${shown.toFixed(digits)} %`;
}

/** A duration in a fitting unit. */
export function seconds(value) {
  if (value === null || value === undefined) return NONE;
  if (value < 0.001) return `${whole.format(value * 1e6)} µs`;
  if (value < 1) return `${number(value * 1e3)} ms`;
  if (value < 120) return `${value < 10 ? value.toFixed(1) : whole.format(value)} s`;
  if (value < 7200) return `${whole.format(value / 60)} min`;
  return `${whole.format(value / 3600)} h`;
}

/** An age, to tenths of a second. */
export function age(value) {
  if (value === null || value === undefined) return NONE;
  return value < 0.1 ? "< 0.1 s" : value < 1 ? `${value.toFixed(1)} s` : seconds(value);
}

/** The time of day. */
export const clock = (unix) => new Date(unix * 1000).toLocaleTimeString("en-GB");

/** The same with tenths of a second. */
export const tenths = (unix) => `${clock(unix)}.${Math.floor(unix * 10) % 10}`;

/** Day and time. */
export const moment = (unix) => new Date(unix * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** A limit in force, in words. */
export function limitWords({ value, source, until, fallback_in_force: isFallback }, unit) {
  if (isFallback) return `fallback ${load(value, unit)}, since ${source} is silent`;
  const end = Date.parse(until) / 1000;
  const when = end - Date.now() / 1000 < 86_400 ? clock : moment;
  return `limit ${load(value, unit)} by ${source}${until ? ` until ${when(end)}` : ""}`;
}

const REASONS = {
  least_load: "lowest score",
  tie: "tie for the lowest score: chance decided",
  spread: "its share of the gap, next to other proxies",
  stale: "its sample is old; chosen by its ledger",
  failover: "failover: another was tried first",
  key: "it may hold this Idempotency-Key",
  power_of_two: "the better of two at random",
  round_robin: "its turn",
  random: "at random",
};

/** Why a substation was chosen, in words. */
export const reason = (name) => REASONS[name] ?? name;
