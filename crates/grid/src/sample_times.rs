//! When the last sample of a gauge came, and when its scrape was begun.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use switchyard_balance::{
    Ledger,
    carried::{CarriedLedger, Carrier},
};
use tokio::time::Instant;

use crate::{
    carried::Written,
    clock::{Clock, Moment},
};

/// The moment that means: not yet.
const NEVER: u64 = u64::MAX;
/// By so much two processes may read the same moment differently: each rounds to milliseconds.
const ROUNDING: Duration = Duration::from_millis(2);

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct SampleTimes {
    sampled: AtomicU64,
    /// Of samples that came with answers not noted.
    asked: AtomicU64,
}

impl Default for SampleTimes {
    fn default() -> Self {
        Self {
            sampled: AtomicU64::new(NEVER),
            asked: AtomicU64::new(NEVER),
        }
    }
}

impl SampleTimes {
    /// Notes a sample that came `now`; `asked` is when its scrape was begun, if it is from a scrape.
    pub(crate) fn stamp(&self, now: Moment, asked: Option<Moment>) {
        self.sampled.store(now.millis(), Relaxed);
        if let Some(asked) = asked {
            self.asked.store(asked.millis(), Relaxed);
        }
    }

    /// When the last sample came.
    pub(crate) fn sampled(&self) -> Option<Moment> {
        moment(&self.sampled)
    }

    /// Whether there is a sample, and it is older than `stale_after`.
    pub(crate) fn is_stale(&self, now: Moment, stale_after: Duration) -> bool {
        self.sampled().is_some_and(|at| now.since(at) > stale_after)
    }

    /// Restores `ledger`, whose samples these are the times of, from what another process knew of it: `carried`, with a
    /// last sample of age `sample_age` when that was written. Returns whether the last sample of this process is newer.
    /// If so, it stays.
    pub(crate) fn restore(
        &self,
        ledger: &Ledger,
        carried: &CarriedLedger,
        sample_age: Option<Duration>,
        written: Written,
        clock: Clock,
        instant: Instant,
    ) -> bool {
        let age = sample_age.map(|age| age.saturating_add(written.ago));
        let sampled = age.map(|age| clock.at(instant).minus(age));
        let is_own_newer = self.was_asked_after(sampled);
        ledger.restore(
            carried,
            Carrier {
                ago: written.ago,
                now: clock.since_start(instant),
                is_alive: written.is_alive,
                is_own_newer,
            },
        );
        if let Some(sampled) = sampled.filter(|_| !is_own_newer) {
            self.sampled.store(sampled.millis(), Relaxed);
        }
        is_own_newer
    }

    /// Whether the last sample is from a scrape that was begun after `other`, the moment of another process's sample.
    fn was_asked_after(&self, other: Option<Moment>) -> bool {
        let asked = moment(&self.asked);
        asked.is_some_and(|asked| other.is_none_or(|other| asked >= other.plus(ROUNDING)))
    }
}

fn moment(millis: &AtomicU64) -> Option<Moment> {
    match millis.load(Relaxed) {
        NEVER => None,
        millis => Some(Moment::from_millis(millis)),
    }
}
