//! How far a run is.

use std::time::Duration;

use crate::number::{real, share};
use crate::tally::Tally;
use crate::watch::Seen;

/// A snapshot of a run, taken about once a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Since the start.
    pub elapsed: Duration,
    /// For how long requests are offered.
    pub total: Duration,
    /// Requests that were due so far.
    pub offered: u64,
    /// Those answered so far, with whatever status.
    pub answered: u64,
    /// Those of the answered that were answered with a status of 400 or above.
    pub refused: u64,
    /// Those that ended without an answer.
    pub failed: u64,
    /// Requests a second that were due since the snapshot before.
    pub offered_rate: f64,
    /// Answers a second since the snapshot before.
    pub rate: f64,
    /// The median latency so far.
    pub p50: Option<Duration>,
    /// The latency so far that one in a hundred exceeds.
    pub p99: Option<Duration>,
    /// The substations: those that are watched, else those that answers have named.
    pub substations: Vec<Station>,
}

/// How a substation does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Station {
    /// What it is called.
    pub name: String,
    /// Its part of the answers that name one, 0 to 1.
    pub share: f64,
    /// Its load and its capacity, if it is watched and says.
    pub level: Option<(f64, f64)>,
}

impl Station {
    /// How full it is, 0 to 1, if that is known.
    #[must_use]
    pub fn utilisation(&self) -> Option<f64> {
        self.level.map(|(load, capacity)| share(load, capacity))
    }
}

impl Progress {
    /// `before`: how many were offered and answered at the snapshot before, `span` ago.
    pub(crate) fn new(
        tally: &Tally,
        (elapsed, total): (Duration, Duration),
        (offered, answered): (u64, u64),
        span: Duration,
        seen: Option<&Seen>,
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
            substations: stations(tally, seen),
        }
    }

    /// The fullest substation's utilisation divided by the mean; none while that is small or not known.
    #[must_use]
    pub fn imbalance(&self) -> Option<f64> {
        let utilisations: Option<Vec<f64>> =
            self.substations.iter().map(Station::utilisation).collect();
        crate::watch::imbalance(&utilisations?)
    }
}

fn stations(tally: &Tally, seen: Option<&Seen>) -> Vec<Station> {
    let named = &tally.substations.0;
    let all = real(named.values().sum());
    let part = |name: &str| share(real(named.get(name).copied().unwrap_or(0)), all);
    let levels = seen.map(Seen::levels).unwrap_or_default();
    if levels.is_empty() {
        let stations = named.keys().map(|name| Station {
            name: name.clone(),
            share: part(name),
            level: None,
        });
        return stations.collect();
    }
    let stations = levels.into_iter().map(|level| Station {
        share: part(&level.name),
        level: level.capacity.map(|capacity| (level.load, capacity)),
        name: level.name,
    });
    stations.collect()
}
