//! When the last sample of a gauge came, and when its scrape was begun.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::clock::Moment;

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

    /// Whether the last sample is from a scrape that was begun after `other`, the moment of another process's sample.
    pub(crate) fn was_asked_after(&self, other: Option<Moment>) -> bool {
        let asked = moment(&self.asked);
        asked.is_some_and(|asked| other.is_none_or(|other| asked >= other.plus(ROUNDING)))
    }

    /// Notes when the last sample came to another process.
    pub(crate) fn restore(&self, sampled: Moment) {
        self.sampled.store(sampled.millis(), Relaxed);
    }
}

fn moment(millis: &AtomicU64) -> Option<Moment> {
    match millis.load(Relaxed) {
        NEVER => None,
        millis => Some(Moment::from_millis(millis)),
    }
}
