//! Whether a substation can charge, judged by how its exchanges end.
//!
//! A substation that fails fast looks idle to its gauge, and would draw every request. So after a few
//! failures in a row it is ejected, for a while that doubles each time; then the next request is its trial.
//! A substation that only could not be reached comes back as soon as a scrape reaches it.
//!
//! All of it is counters and moments passed in: no clock, no I/O.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::clock::Moment;

/// Failures in a row that eject.
const FAILURES: u32 = 3;
/// The first ejection.
const FIRST_EJECTION: Duration = Duration::from_secs(1);
/// Ejections stop growing at `FIRST_EJECTION · 2^DOUBLINGS`, about half a minute.
const DOUBLINGS: u32 = 5;
/// Not ejected, as a moment.
const NEVER: u64 = 0;

/// How an exchange spoke of the substation's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answered as it should, refusals included.
    Good,
    /// It could not be reached.
    Unreachable,
    /// It was reached, and broke off, hung or failed.
    Bad,
}

/// The running judgement of one substation.
#[derive(Debug, Default)]
pub struct Health {
    failures: AtomicU32,
    ejections: AtomicU32,
    ejected_until: AtomicU64,
    only_unreachable: AtomicBool,
}

impl Health {
    /// Takes a verdict; true if it ejects the substation just now.
    pub fn report(&self, verdict: Verdict, now: Moment) -> bool {
        if verdict == Verdict::Good {
            self.failures.store(0, Relaxed);
            if !self.is_ejected() {
                self.ejections.store(0, Relaxed);
            }
            return false;
        }
        if verdict == Verdict::Bad {
            self.only_unreachable.store(false, Relaxed);
        }
        // Exactly one of the threads that fail at once sees the count reach the limit.
        if self.failures.fetch_add(1, Relaxed) + 1 != FAILURES {
            return false;
        }
        let doublings = self.ejections.fetch_add(1, Relaxed).min(DOUBLINGS);
        let until = now.plus(FIRST_EJECTION * 2_u32.pow(doublings)).millis();
        self.ejected_until.store(until.max(NEVER + 1), Relaxed);
        true
    }

    /// Ends the ejection if its time is over, or if a scrape reached a substation that only could not be
    /// reached. True if it ended just now. One failure more ejects it again, for longer.
    pub fn reinstate(&self, now: Moment, scrape_reached_it: bool) -> bool {
        let until = self.ejected_until.load(Relaxed);
        let reachable_again = scrape_reached_it && self.only_unreachable.load(Relaxed);
        if until == NEVER || (now.millis() < until && !reachable_again) {
            return false;
        }
        self.ejected_until.store(NEVER, Relaxed);
        self.failures
            .store(if reachable_again { 0 } else { FAILURES - 1 }, Relaxed);
        self.only_unreachable.store(true, Relaxed);
        true
    }

    /// Whether it is out for its failures.
    #[must_use]
    pub fn is_ejected(&self) -> bool {
        self.ejected_until.load(Relaxed) != NEVER
    }

    /// Whether there is nothing that a good answer would change.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failures.load(Relaxed) == 0 && self.ejections.load(Relaxed) == 0
    }

    /// A clean record.
    #[must_use]
    pub fn new() -> Self {
        Self {
            only_unreachable: AtomicBool::new(true),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    fn eject(health: &Health, verdict: Verdict, now: u64) {
        while !health.report(verdict, at(now)) {}
    }

    #[test]
    fn failures_in_a_row_eject_and_a_good_answer_in_between_does_not() {
        let health = Health::new();
        for verdict in [
            Verdict::Bad,
            Verdict::Bad,
            Verdict::Good,
            Verdict::Bad,
            Verdict::Bad,
        ] {
            assert!(!health.report(verdict, at(0)));
        }
        assert!(!health.is_ejected());
        assert!(health.report(Verdict::Bad, at(0)));
        assert!(health.is_ejected());
    }

    #[test]
    fn ejections_grow_while_the_trial_fails_and_start_over_after_a_good_one() {
        let health = Health::new();
        eject(&health, Verdict::Bad, 0);
        assert!(!health.reinstate(at(999), true), "a scrape is not a charge");
        assert!(health.reinstate(at(1_000), false));
        assert!(
            health.report(Verdict::Bad, at(1_000)),
            "one failed trial is enough"
        );
        assert!(!health.reinstate(at(2_999), false));
        assert!(health.reinstate(at(3_000), false));
        health.report(Verdict::Good, at(3_000));
        eject(&health, Verdict::Bad, 4_000);
        assert!(
            health.reinstate(at(5_000), false),
            "the record is clean again"
        );
    }

    #[test]
    fn an_ejection_has_a_longest() {
        let health = Health::new();
        let mut now = 0;
        for _ in 0..20 {
            eject(&health, Verdict::Bad, now);
            now += 32_000;
            assert!(health.reinstate(at(now), false));
        }
    }

    #[test]
    fn what_could_not_be_reached_is_back_when_a_scrape_reaches_it() {
        let health = Health::new();
        eject(&health, Verdict::Unreachable, 0);
        assert!(!health.reinstate(at(10), false));
        assert!(health.reinstate(at(10), true));
        assert!(
            !health.report(Verdict::Unreachable, at(20)),
            "with a clean record"
        );
    }
}
