//! The process before this one, as long as it may book.
//!
//! It waits for answers to the requests that it had sent when it handed over, and each of its connections may bring it
//! one more. So for a while a sample may lack what it is about to book, and for longer what a gauge grows by may be its,
//! and no other proxy's.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::clock::Moment;

/// The moment that means: it is over.
const OVER: u64 = 0;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Predecessor {
    /// Until when it may wait for answers to what it had sent.
    waits: AtomicU64,
    /// Until when it may book anything.
    lives: AtomicU64,
}

impl Predecessor {
    /// From `now` on a request of it takes so long, and a connection may bring one after being idle for so long.
    pub(super) fn begin(&self, now: Moment, request: Duration, idle: Duration) {
        let waits = now.plus(request);
        self.waits.store(waits.millis(), Relaxed);
        self.lives.store(waits.plus(idle).millis(), Relaxed);
    }

    /// Whether it may still book something.
    pub(super) fn is_alive(&self) -> bool {
        self.lives.load(Relaxed) != OVER
    }

    /// Notes that it books nothing more. True if what it had sent may have been under way until now.
    pub(super) fn end(&self) -> bool {
        self.lives.store(OVER, Relaxed);
        self.waits.swap(OVER, Relaxed) != OVER
    }

    /// Notes what is over `now`. True if nothing of what it had sent is under way any more, and that is new.
    pub(super) fn pass(&self, now: Moment) -> bool {
        let is_over = |until: &AtomicU64| {
            let until = until.load(Relaxed);
            until != OVER && now.millis() >= until
        };
        if is_over(&self.lives) {
            return self.end();
        }
        is_over(&self.waits) && self.waits.swap(OVER, Relaxed) != OVER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_requests_end_before_its_connections() {
        let (predecessor, at) = (Predecessor::default(), Moment::from_millis);
        assert!(!predecessor.is_alive() && !predecessor.pass(at(1)));
        let seconds = Duration::from_secs;
        predecessor.begin(at(1_000), seconds(10), seconds(60));
        assert!(!predecessor.pass(at(10_999)));
        assert!(predecessor.pass(at(11_000)));
        assert!(!predecessor.pass(at(70_999)) && predecessor.is_alive());
        assert!(!predecessor.pass(at(71_000)) && !predecessor.is_alive());
        // It says so itself.
        predecessor.begin(at(1_000), seconds(10), seconds(60));
        assert!(predecessor.end() && !predecessor.is_alive());
        assert!(!predecessor.end() && !predecessor.pass(at(99_000)));
    }
}
