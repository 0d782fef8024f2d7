//! How far a run is.

use std::time::Duration;

use crate::number::{real, share};
use crate::tally::Tally;
use crate::watch::{CurrentLevels, imbalance};

/// A snapshot of a run, taken about once a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Since the start.
    pub elapsed: Duration,
    /// For how long requests are offered.
    pub total: Duration,
    /// Requests that were due so far.
    pub offered: u64,
    /// Requests answered so far, with whatever status.
    pub answered: u64,
    /// Answers so far with a status of 400 or above.
    pub refused: u64,
    /// Requests that ended without an answer.
    pub failed: u64,
    /// Requests a second that were due since the last snapshot.
    pub offered_rate: f64,
    /// Answers a second since the last snapshot.
    pub rate: f64,
    /// The median latency so far.
    pub p50: Option<Duration>,
    /// The 99th percentile of the latencies so far.
    pub p99: Option<Duration>,
    /// The substations: the watched ones, or else those that answers have named.
    pub substations: Vec<SubstationProgress>,
}

/// The state of one substation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubstationProgress {
    /// Its name.
    pub name: String,
    /// Its part of the answers that name a substation, 0 to 1.
    pub share: f64,
    /// Its load and its capacity, if it is watched and reports both.
    pub level: Option<(f64, f64)>,
}

impl SubstationProgress {
    /// Its load divided by its capacity, if both are known.
    #[must_use]
    pub fn utilisation(&self) -> Option<f64> {
        self.level.map(|(load, capacity)| share(load, capacity))
    }
}

impl Progress {
    /// `before`: how many requests were offered and answered at the last snapshot, `span` ago.
    pub(crate) fn new(
        tally: &Tally,
        (elapsed, total): (Duration, Duration),
        (offered, answered): (u64, u64),
        span: Duration,
        levels: Option<&CurrentLevels>,
    ) -> Self {
        let rate = |now: u64, before| share(real(now.saturating_sub(before)), span.as_secs_f64());
        Self {
            elapsed,
            total,
            offered: tally.offered,
            answered: tally.answered,
            refused: tally.refused,
            failed: tally.failed,
            offered_rate: rate(tally.offered, offered),
            rate: rate(tally.answered, answered),
            p50: tally.quantile(0.5),
            p99: tally.quantile(0.99),
            substations: substations(tally, levels),
        }
    }

    /// The highest utilisation divided by the mean; none while the mean is small or not known.
    #[must_use]
    pub fn imbalance(&self) -> Option<f64> {
        let utilisations = self
            .substations
            .iter()
            .map(SubstationProgress::utilisation)
            .collect::<Option<Vec<f64>>>();
        imbalance(&utilisations?)
    }
}

fn substations(tally: &Tally, levels: Option<&CurrentLevels>) -> Vec<SubstationProgress> {
    let named = &tally.substations.0;
    let all = real(named.values().sum());
    let part = |name: &str| share(real(named.get(name).copied().unwrap_or(0)), all);
    let levels = levels.map(CurrentLevels::get).unwrap_or_default();
    if levels.is_empty() {
        let substations = named.keys().map(|name| SubstationProgress {
            name: name.clone(),
            share: part(name),
            level: None,
        });
        return substations.collect();
    }
    let substations = levels.into_iter().map(|level| SubstationProgress {
        share: part(&level.name),
        level: level.capacity.map(|capacity| (level.load, capacity)),
        name: level.name,
    });
    substations.collect()
}
