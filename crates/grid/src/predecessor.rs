//! The process before this one, as long as it waits for answers to requests that it has sent.
//!
//! Until then a sample may lack what it is about to book, and what a gauge grows by is not another proxy's.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::clock::Moment;

/// The moment that means: there is none.
const GONE: u64 = 0;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Predecessor {
    until: AtomicU64,
}

impl Predecessor {
    /// It may wait for answers until that moment.
    pub(super) fn lives_until(&self, until: Moment) {
        self.until.store(until.millis(), Relaxed);
    }

    /// Whether it may still wait for answers.
    pub(super) fn is_alive(&self) -> bool {
        self.until.load(Relaxed) != GONE
    }

    /// Notes that it does not any more. True if that is new.
    pub(super) fn end(&self) -> bool {
        self.until.swap(GONE, Relaxed) != GONE
    }

    /// The same, if its time is over.
    pub(super) fn end_by(&self, now: Moment) -> bool {
        let until = self.until.load(Relaxed);
        until != GONE && now.millis() >= until && self.end()
    }
}
