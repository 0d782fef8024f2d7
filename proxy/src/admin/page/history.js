// What was, for the last five minutes. It is kept here and not in the proxy: there it would cost something while nobody
// looks. Arrays of fixed length, one for each thing that is followed, so memory does not grow with time.

/** Seconds that are kept. */
export const KEPT = 300;
const MINUTE = 60;

export class History {
  constructor() {
    this.series = new Map();
    this.at = 0;
    this.last = null;
    this.known = 0;
  }

  /** Seconds that are worth showing: whole minutes, so that a page that was just opened is no empty chart. */
  get span() {
    return Math.min(Math.ceil(Math.max(this.known, 1) / MINUTE) * MINUTE, KEPT);
  }

  /** Goes on to another moment. Seconds without a picture stay empty. */
  advance(unix) {
    const steps = this.last === null ? 1 : Math.min(Math.max(Math.round(unix - this.last), 1), KEPT);
    this.last = unix;
    this.known += steps;
    for (let step = 0; step < steps; step++) {
      this.at = (this.at + 1) % KEPT;
      for (const values of this.series.values()) values[this.at] = NaN;
    }
  }

  /** Notes a value of this moment. */
  note(key, value) {
    let values = this.series.get(key);
    if (!values) this.series.set(key, (values = new Float32Array(KEPT).fill(NaN)));
    values[this.at] = value ?? NaN;
  }

  /** The value of so many seconds ago; NaN if there is none. */
  ago(key, seconds) {
    const values = this.series.get(key);
    return values ? values[(this.at - seconds + KEPT) % KEPT] : NaN;
  }

  /** Values from the oldest worth showing to this moment. */
  values(key) {
    const values = this.series.get(key);
    if (!values) return [];
    return [...values.subarray(this.at + 1), ...values.subarray(0, this.at + 1)].slice(-this.span);
  }

  /** Forgets what is no longer followed. */
  keep(isKept) {
    for (const key of this.series.keys()) if (!isKept(key)) this.series.delete(key);
  }
}
