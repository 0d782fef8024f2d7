// Numbers as people read them, always with their units. A dash where nothing is known.

export const NONE = "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** Three digits that matter, more only before the point. */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  if (size >= 100 || value === 0) return whole.format(value);
  return value.toFixed(size >= 10 ? 1 : 2);
}

export const count = (value) => (value === null || value === undefined ? NONE : whole.format(value));

/** A load with its unit. */
export const load = (value, unit) => (number(value) === NONE ? NONE : `${number(value)}${unit && ` ${unit}`}`);

/** A part of one as percent. What is not all never reads as 100 %, and what is not nothing never as 0 %. */
export function percent(part, digits = 0) {
  if (part === null || part === undefined || !Number.isFinite(part)) return NONE;
  const step = 10 ** -digits;
  if (part === 1) return "100 %";
  let shown = 100 * part;
  if (part < 1) shown = Math.min(shown, 100 - step);
  if (part > 0) shown = Math.max(shown, step);
  return `${shown.toFixed(digits)} %`;
}

/** A time in the unit that suits it. */
export function seconds(value) {
  if (value === null || value === undefined) return NONE;
  if (value < 0.001) return `${whole.format(value * 1e6)} µs`;
  if (value < 1) return `${number(value * 1e3)} ms`;
  if (value < 120) return `${value < 10 ? value.toFixed(1) : whole.format(value)} s`;
  if (value < 7200) return `${whole.format(value / 60)} min`;
  return `${whole.format(value / 3600)} h`;
}

/** An age: nobody needs microseconds of it. */
export function age(value) {
  if (value === null || value === undefined) return NONE;
  return value < 0.1 ? "< 0.1 s" : value < 1 ? `${value.toFixed(1)} s` : seconds(value);
}

/** The time of day of a moment. */
export const clock = (unix) => new Date(unix * 1000).toLocaleTimeString("en-GB");

/** The same with tenths of a second. */
export const tenths = (unix) => `${clock(unix)}.${Math.floor(unix * 10) % 10}`;

/** Day and time of a moment. */
export const moment = (unix) => new Date(unix * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });

const REASONS = {
  least_load: "lowest score",
  tie: "as low as another: chance decided",
  spread: "its share of the gap, beside other proxies",
  stale: "its sample is old; the ledger says so",
  failover: "another had been tried before",
  key: "it may have booked this key before",
  power_of_two: "the better of two",
  round_robin: "its turn",
  random: "by chance",
};

/** Why a substation was chosen, in words. */
export const reason = (name) => REASONS[name] ?? name;
