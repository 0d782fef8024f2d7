//! Failures that are not held against a substation, as the log says it: once a minute, because a client that brings
//! them about brings about many.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tracing::warn;

use super::{Excuse, Source};
use crate::clock::Moment;

/// The time from one line to the next.
const QUIET: Duration = Duration::from_mins(1);
/// The moment that means: none was logged.
const NEVER: u64 = u64::MAX;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Excused {
    logged_at: AtomicU64,
}

impl Default for Excused {
    fn default() -> Self {
        Self {
            logged_at: AtomicU64::new(NEVER),
        }
    }
}

impl Excused {
    /// Logs one, unless there was a line in the last minute. True if it was logged.
    pub(crate) fn note(&self, substation: &str, client: Source, why: Excuse, now: Moment) -> bool {
        let before = self.logged_at.load(Relaxed);
        let is_due = before == NEVER || now.since(Moment::from_millis(before)) >= QUIET;
        let is_first = is_due
            && self
                .logged_at
                .compare_exchange(before, now.millis(), Relaxed, Relaxed)
                .is_ok();
        if is_first {
            let reason: &str = why.into();
            warn!(
                substation, %client, reason,
                "Failures that follow requests are not held against substations"
            );
        }
        is_first
    }
}
