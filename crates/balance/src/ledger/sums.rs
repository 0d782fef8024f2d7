//! The sums of own load, and what a sample can have seen of them.
//!
//! | a reservation ends as | `assigned` | and this sum grows |
//! | --- | --- | --- |
//! | booked, where load is a session | stays | `settled` |
//! | booked, where load lasts as long as the answer | falls | `answered` |
//! | unknown: the upstream may still bear it | stays | `settled` |
//! | not booked | falls | `cancelled` |
//!
//! A load whose request says how long it lasts ends by that, in the same sums; where it ends with its answer, it falls
//! under `cancelled`, since no gauge will show it. (`told.rs` counts it besides.)
//!
//! So in all cases `assigned − settled` is the load whose requests are under way. Where load ends with the answer, an
//! unknown end leaves its load in the estimate until the next sample; if the upstream still bears it then, the gauge
//! has more than own requests explain.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};

pub(crate) use super::running::{Bounds, Running};
use super::{
    Ledger,
    told::{ToldSeen, ToldSums},
};
use crate::{Lasts, Load};

/// The sums of a ledger at one moment. All of them wrap; only differences are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Load that the upstream has answered for, and that counts until a sample.
    pub(crate) settled: i64,
    /// Load that has been booked or may have been.
    pub(crate) booked: i64,
    /// All load.
    pub(crate) all: Running,
    /// Of it, the load whose requests said how long it lasts.
    pub(crate) told: ToldSums,
}

/// What the gauge can have seen of own requests, between the moment when a scrape was sent and the moment when its
/// answer arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Own load under way.
    pub(crate) under_way: Bounds,
    /// Own load that has been booked, ever.
    pub(crate) booked: Bounds,
    /// Of it all, the load whose requests said how long it lasts.
    pub(crate) told: ToldSeen,
}

impl Seen {
    pub(crate) fn between(sent: &Sums, arrived: &Sums) -> Self {
        Self {
            under_way: Running::between(sent.all, arrived.all),
            booked: Bounds {
                least: sent.booked,
                most: arrived.booked,
            },
            told: ToldSeen::between(&sent.told, &arrived.told),
        }
    }
}

impl Sums {
    #[inline]
    fn of(assigned: i64, settled: i64, answered: i64, cancelled: i64, told: ToldSums) -> Self {
        let left = answered.wrapping_add(cancelled);
        Self {
            settled,
            booked: settled.wrapping_add(answered),
            all: Running {
                reserved: assigned.wrapping_add(left),
                ended: settled.wrapping_add(left),
            },
            told,
        }
    }

    /// Own load that ends with its answer, where requests that don't say how long theirs lasts go by `rule`.
    pub(super) fn answers(&self, rule: Lasts) -> Running {
        match rule {
            Lasts::Session => self.told.answers,
            Lasts::Answer => self.all.without(self.told.sessions),
        }
    }
}

impl Ledger {
    /// The sums before a scrape leaves. Of the load under way it has no more than really is: ended load is read first.
    #[inline]
    pub(crate) fn sums_at_send(&self) -> Sums {
        let told = self.told_sums();
        let cancelled = self.cancelled.load(Acquire);
        let answered = self.answered.load(Acquire);
        let settled = self.settled.load(Acquire);
        let assigned = self.assigned.load(Acquire);
        Sums::of(assigned, settled, answered, cancelled, told)
    }

    /// The same without what was restored since the last sample.
    pub(crate) fn shown_sums(&self) -> Sums {
        let unshown = self.record().inherited.unshown;
        let sums = self.sums_at_send();
        let less = |sum: i64| sum.wrapping_sub(unshown);
        Sums {
            settled: less(sums.settled),
            booked: less(sums.booked),
            all: Running {
                reserved: less(sums.all.reserved),
                ended: less(sums.all.ended),
            },
            ..sums
        }
    }

    /// Load that has been booked or may have been, as a running sum.
    pub(crate) fn booked_so_far(&self) -> i64 {
        self.sums_at_send().booked
    }

    /// The sums after an answer has arrived, for this `assigned`. Of the load under way it has no less than really is.
    pub(crate) fn sums_at_arrival(&self, assigned: i64) -> Sums {
        let settled = self.settled.load(Acquire);
        let answered = self.answered.load(Acquire);
        let cancelled = self.cancelled.load(Acquire);
        Sums::of(assigned, settled, answered, cancelled, self.told_sums())
    }

    /// Own load under way that ends with its answer, for this `assigned`.
    pub(super) fn answers_under_way(&self, assigned: i64) -> i64 {
        self.sums_at_arrival(assigned)
            .answers(self.lasts())
            .under_way()
    }

    /// The upstream has confirmed the booking of `load`.
    #[inline]
    pub(crate) fn booked(&self, load: Load) {
        match self.lasts() {
            Lasts::Session => self.settle(load),
            Lasts::Answer => {
                self.assigned.fetch_sub(load.micros(), AcqRel);
                // After `assigned`, so that a scrape that counts this end does not count the load as under way.
                self.answered.fetch_add(load.micros(), Release);
                self.ended.fetch_add(1, Release);
                self.loosen();
            }
        }
    }

    /// The upstream has answered for `load`, or never will: from now on its gauge shows whether it bears it.
    #[inline]
    pub(crate) fn settle(&self, load: Load) {
        self.settled.fetch_add(load.micros(), Release);
        self.ended.fetch_add(1, Release);
    }

    /// `load` is known not to be booked.
    #[inline]
    pub(crate) fn take_back(&self, load: Load) {
        self.assigned.fetch_sub(load.micros(), AcqRel);
        self.cancelled.fetch_add(load.micros(), Release);
        self.ended.fetch_add(1, Release);
        self.loosen();
    }
}
