//! An estimate that a gauge can't pull below what is known without it.
//!
//! While a gauge is distrusted, each sample counts as at least the own live load, which `own_ends.rs` knows, and what
//! others are thought to have booked beside it. The rest is as ever: what was booked while a scrape was under way, and
//! since, is added. So the room is what a capacity leaves beside the own load, for certain.

use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

use super::{Ledger, sample::Drawn};
use crate::{Lasts, Load};

/// How far a gauge is believed. [`crate::trust`] judges it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum Trust {
    /// It is believed.
    #[default]
    Trusted,
    /// It shows too little: the load is at least what the ledger knows.
    Least,
    /// It stands still: the load is what the ledger knows.
    Ignored,
}

impl Trust {
    fn from_number(number: u8) -> Self {
        [Self::Least, Self::Ignored]
            .into_iter()
            .find(|trust| *trust as u8 == number)
            .unwrap_or_default()
    }
}

impl Ledger {
    /// How far its gauge is believed.
    #[doc(hidden)]
    #[must_use]
    pub fn trust(&self) -> Trust {
        Trust::from_number(self.trust.load(Relaxed))
    }

    /// Whether its gauge is not believed.
    #[doc(hidden)]
    #[must_use]
    pub fn is_distrusted(&self) -> bool {
        self.trust() != Trust::Trusted
    }

    /// Sets how far the gauge is believed from now on, and how much load there is thought to be beside the own load
    /// while it is not. The estimate follows at once where that changes the trust or where `is_silent`: else the next
    /// sample does it.
    pub(crate) fn set_trust(&self, trust: Trust, beside_own: Load, is_silent: bool) {
        let mut record = self.record();
        self.beside_own.store(beside_own.micros(), Relaxed);
        let before = self.trust.swap(trust as u8, SeqCst);
        let is_due = before != trust as u8 || (is_silent && trust != Trust::Trusted);
        if !is_due || self.lasts() == Lasts::Answer {
            return;
        }
        let assigned = self.assigned.load(Acquire);
        let answers = record.drawn.answers.middle();
        let value = self.believed((record.gauge - answers).max(0));
        // What was answered for is in the value now.
        let estimate = value.saturating_add(self.sums_at_arrival(assigned).all.under_way());
        let drawn = Drawn {
            found: estimate,
            most: estimate,
            value,
            ..record.drawn
        };
        // A gauge that is believed again is believed with its next sample: what it lacks is not known before.
        if trust != Trust::Trusted {
            record.drawn = drawn;
            self.conclude(&drawn, assigned);
            self.set_ceiling(self.capacity());
            self.loosen();
        }
    }

    /// What a gauge with this value is taken to show, in millionths.
    pub(super) fn believed(&self, gauge: i64) -> i64 {
        let trust = self.trust();
        if trust == Trust::Trusted || self.lasts() == Lasts::Answer {
            return gauge;
        }
        let known = self
            .own_most()
            .saturating_add(self.beside_own.load(Relaxed))
            .min(Load::LARGEST.micros());
        match trust {
            Trust::Ignored => known,
            _ => known.max(gauge),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Reading, Reservation};
    use std::sync::Arc;

    fn load(units: f64) -> Load {
        Load::new(units).unwrap()
    }

    fn sample(ledger: &Ledger, units: f64) {
        let reading = Reading {
            load: load(units),
            capacity: None,
        };
        ledger.sample(ledger.scrape_sent(), reading);
    }

    fn book(ledger: &Arc<Ledger>, units: f64, seconds: u64, now: u64) {
        Reservation::of(Arc::clone(ledger), load(units)).booked();
        let at = Duration::from_secs;
        ledger.lasts_for(load(units), at(seconds), at(now));
    }

    #[test]
    fn a_distrusted_gauge_pulls_no_estimate_below_the_own_load_and_opens_no_room() {
        let ledger = Arc::new(Ledger::new(Some(load(100.0))));
        sample(&ledger, 0.0);
        for _ in 0..8 {
            book(&ledger, 11.0, 600, 0);
        }
        sample(&ledger, 0.0);
        assert_eq!(ledger.estimate(), Load::ZERO);
        let under_way = Reservation::of(Arc::clone(&ledger), load(11.0));
        ledger.set_trust(Trust::Least, Load::ZERO, false);
        assert_eq!(
            ledger.estimate(),
            load(99.0),
            "at once, with what is under way"
        );
        assert_eq!(ledger.room(), load(1.0).micros());
        sample(&ledger, 0.0);
        assert_eq!(ledger.estimate(), load(99.0));
        assert_eq!(ledger.room(), load(1.0).micros());
        assert_eq!(
            ledger.value(),
            Some(Load::ZERO),
            "what the gauge says is shown"
        );
        under_way.cancel();
        sample(&ledger, 95.0);
        assert_eq!(ledger.estimate(), load(95.0), "it may show more");
        // Sessions end; a silent gauge does not hide it.
        ledger.own_live(Duration::from_secs(1_000), Duration::ZERO);
        sample(&ledger, 0.0);
        assert_eq!(ledger.estimate(), Load::ZERO);
    }

    #[test]
    fn what_stands_still_is_ignored_and_others_load_is_counted_beside_the_own() {
        let ledger = Arc::new(Ledger::new(Some(load(100.0))));
        sample(&ledger, 90.0);
        book(&ledger, 11.0, 600, 0);
        ledger.set_trust(Trust::Ignored, load(20.0), false);
        assert_eq!(ledger.estimate(), load(31.0));
        sample(&ledger, 90.0);
        assert_eq!(ledger.estimate(), load(31.0));
        ledger.set_trust(Trust::Trusted, Load::ZERO, false);
        sample(&ledger, 90.0);
        assert_eq!(ledger.estimate(), load(90.0));
    }

    #[test]
    fn where_load_ends_with_its_answer_the_own_part_is_known_anyway() {
        let ledger = Arc::new(Ledger::default());
        ledger.set_lasts(Lasts::Answer);
        sample(&ledger, 0.0);
        let _under_way = Reservation::of(Arc::clone(&ledger), load(5.0));
        sample(&ledger, 0.0);
        assert_eq!(ledger.estimate(), load(5.0), "whatever the gauge says");
        ledger.set_trust(Trust::Least, load(50.0), true);
        sample(&ledger, 0.0);
        assert_eq!(ledger.estimate(), load(5.0));
    }
}
