//! How far a run is.

use std::time::Duration;

use crate::number::{real, share};
use crate::tally::Tally;

/// A snapshot of a run, taken about once a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Since the start.
    pub elapsed: Duration,
    /// Requests that were due so far.
    pub offered: u64,
    /// Those answered so far, with whatever status.
    pub answered: u64,
    /// Those of the answered that were answered with a status of 400 or above.
    pub refused: u64,
    /// Those that ended without an answer.
    pub failed: u64,
    /// Answers a second since the snapshot before.
    pub rate: f64,
    /// The median latency so far.
    pub p50: Option<Duration>,
    /// The latency so far that one in a hundred exceeds.
    pub p99: Option<Duration>,
    /// Each substation's part of the answers that name one, 0 to 1, by name.
    pub substations: Vec<(String, f64)>,
}

impl Progress {
    /// `before`: how many were answered at the snapshot before, `span` ago.
    pub(crate) fn new(tally: &Tally, elapsed: Duration, before: u64, span: Duration) -> Self {
        let named = real(tally.substations.0.values().sum());
        let substations = tally.substations.0.iter();
        Self {
            elapsed,
            offered: tally.offered,
            answered: tally.answered,
            refused: tally.refused,
            failed: tally.failed,
            rate: share(
                real(tally.answered.saturating_sub(before)),
                span.as_secs_f64(),
            ),
            p50: tally.quantile(0.5),
            p99: tally.quantile(0.99),
            substations: substations
                .map(|(name, count)| (name.clone(), share(real(*count), named)))
                .collect(),
        }
    }
}
