//! Times as people read them.

use std::time::Duration;

/// A time, to a few digits.
pub(crate) fn took(time: Duration) -> String {
    match time.as_micros() {
        0..10_000 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        10_000..1_000_000 => format!("{:.0} ms", time.as_secs_f64() * 1e3),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}
