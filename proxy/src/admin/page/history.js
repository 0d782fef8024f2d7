// The values of the last five minutes: those that the proxy kept before the page was opened, and those of each snapshot
// since. Each series is an array of fixed length, so memory does not grow with time.

/** How many seconds are kept. */
export const KEPT = 300;
const MINUTE = 60;

export class History {
  constructor() {
    this.series = new Map();
    this.at = 0;
    this.last = null;
    this.known = 0;
  }

  /** How many seconds to show: whole minutes, so that the chart of a page just opened is not mostly empty. */
  get span() {
    return Math.min(Math.ceil(Math.max(this.known, 1) / MINUTE) * MINUTE, KEPT);
  }

  /** Advances to another moment. Seconds without a snapshot stay empty. */
  advance(unix) {
    const steps = this.last === null ? 1 : Math.min(Math.max(Math.round(unix - this.last), 1), KEPT);
    this.last = unix;
    this.known += steps;
    for (let step = 0; step < steps; step++) {
      this.at = (this.at + 1) % KEPT;
      for (const values of this.series.values()) values[this.at] = NaN;
    }
  }

  /**
   * Takes over values from before: `series` has arrays, the oldest value first, the last one from the moment `unix`.
   * What is known already stays.
   */
  fill(unix, series) {
    if (this.last === null || unix > this.last) this.advance(unix);
    const ago = Math.max(Math.round(this.last - unix), 0);
    for (const [key, values] of Object.entries(series)) {
      const first = Math.max(values.length + ago - KEPT, 0);
      if (!this.series.has(key)) this.series.set(key, new Float32Array(KEPT).fill(NaN));
      const kept = this.series.get(key);
      for (let index = first; index < values.length; index++) {
        const at = (this.at - ago - (values.length - 1 - index) + 2 * KEPT) % KEPT;
        if (Number.isNaN(kept[at])) kept[at] = values[index] ?? NaN;
      }
      this.known = Math.max(this.known, values.length + ago);
    }
  }

  /** Records a value at the current moment. */
  note(key, value) {
    let values = this.series.get(key);
    if (!values) this.series.set(key, (values = new Float32Array(KEPT).fill(NaN)));
    values[this.at] = value ?? NaN;
  }

  /** The value from this many seconds ago; NaN if there is none. */
  ago(key, seconds) {
    const values = this.series.get(key);
    return values ? values[(this.at - seconds + KEPT) % KEPT] : NaN;
  }

  /** The values to show, the oldest first. */
  values(key) {
    const values = this.series.get(key);
    if (!values) return [];
    return [...values.subarray(this.at + 1), ...values.subarray(0, this.at + 1)].slice(-this.span);
  }

  /** Drops the series that are no longer followed. */
  keep(isKept) {
    for (const key of this.series.keys()) if (!isKept(key)) this.series.delete(key);
  }
}
