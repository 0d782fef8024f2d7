//! The failures of one substation, readable without a lock: what others are compared with.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::clock::Moment;

/// The moment that means: never.
const NEVER: u64 = u64::MAX;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Trace {
    failed: AtomicU64,
    run: AtomicU32,
    run_since: AtomicU64,
    last: AtomicU64,
    is_out: AtomicBool,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            failed: AtomicU64::new(0),
            run: AtomicU32::new(0),
            run_since: AtomicU64::new(NEVER),
            last: AtomicU64::new(NEVER),
            is_out: AtomicBool::new(false),
        }
    }
}

impl Trace {
    /// Notes a failed exchange.
    pub(crate) fn note_failure(&self, now: Moment) {
        self.failed.fetch_add(1, Relaxed);
        self.last.store(now.millis(), Relaxed);
    }

    /// Notes how many failures in a row there are.
    pub(crate) fn set_run(&self, failures: u32, now: Moment) {
        if self.run.swap(failures, Relaxed) == 0 && failures > 0 {
            self.run_since.store(now.millis(), Relaxed);
        }
    }

    /// Notes whether it is ejected.
    pub(crate) fn set_out(&self, is_out: bool) {
        self.is_out.store(is_out, Relaxed);
    }

    /// Whether it is ejected, so that its failures are explained.
    pub(crate) fn is_out(&self) -> bool {
        self.is_out.load(Relaxed)
    }

    /// Failed exchanges ever.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// Failures since the last good exchange.
    pub(crate) fn run(&self) -> u32 {
        self.run.load(Relaxed)
    }

    /// When the first of them was, if there are any.
    pub(crate) fn run_since(&self) -> Option<Moment> {
        (self.run() > 0).then(|| Moment::from_millis(self.run_since.load(Relaxed)))
    }

    /// When the last failure ever was.
    pub(crate) fn last(&self) -> Option<Moment> {
        let last = self.last.load(Relaxed);
        (last != NEVER).then(|| Moment::from_millis(last))
    }
}
