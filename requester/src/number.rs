//! Counts and microseconds as the floating-point numbers of a report.

use std::time::Duration;

/// A count as a floating-point number.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53, which no run counts to"
)]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}

/// Microseconds as seconds.
pub(crate) fn seconds(micros: u64) -> f64 {
    real(micros) / 1e6
}

/// A time span as whole microseconds; a span beyond 584,000 years counts as that.
pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// `part / whole`, and 0 where the whole is 0.
pub(crate) fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
