// The values of the last five minutes. The browser keeps them, so that they cost the proxy nothing.
// Each series is an array of fixed length, so memory does not grow with time.

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
