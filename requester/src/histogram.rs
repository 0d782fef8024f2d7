//! The histogram that all latencies of a run are recorded in.

use hdrhistogram::Histogram;

use crate::error::Error;

/// Longer latencies all count as this: a day, in microseconds.
const LONGEST: u64 = 24 * 3600 * 1_000_000;

/// Latencies are kept to three significant digits.
const DIGITS: u8 = 3;

/// A histogram of latencies from a microsecond to a day.
pub(crate) fn histogram() -> Result<Histogram<u64>, Error> {
    Histogram::new_with_bounds(1, LONGEST, DIGITS)
        .map_err(|error| Error::Histogram(error.to_string()))
}
