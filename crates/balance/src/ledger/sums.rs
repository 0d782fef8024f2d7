//! The sums of own load, and what a sample can have seen of them.
//!
//! | a reservation ends as | `assigned` | and this sum grows |
//! | --- | --- | --- |
//! | booked, where load is a session | stays | `settled` |
//! | booked, where load lasts as long as the answer | falls | `answered` |
//! | unknown: the upstream may still bear it | stays | `settled` |
//! | not booked | falls | `cancelled` |
//!
//! So in both cases `assigned − settled` is the load whose requests are under way. Where load ends with the answer, an
//! unknown end leaves its load in the estimate until the next sample; if the upstream still bears it then, the gauge
//! has more than own requests explain.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::Ledger;
use crate::{Lasts, Load};

/// The sums of a ledger at one moment. All of them wrap; only differences are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Load that the upstream has answered for, and that counts until a sample.
    pub(crate) settled: i64,
    /// Load that has been booked or may have been.
    pub(crate) booked: i64,
    /// Load whose reservation has ended in any way.
    pub(crate) ended: i64,
    /// Load whose requests are under way.
    pub(crate) under_way: i64,
}

/// The bounds of an own sum that a sample has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) least: i64,
    pub(crate) most: i64,
}

impl Bounds {
    /// The bounds of the difference between this sum and an earlier one.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            least: self.least.wrapping_sub(before.most),
            most: self.most.wrapping_sub(before.least),
        }
    }

    /// The middle.
    pub(crate) fn middle(self) -> i64 {
        self.least
            .wrapping_add(self.most.wrapping_sub(self.least) / 2)
    }
}

/// What the gauge can have seen of own requests, between the moment when a scrape was sent and the moment when its
/// answer arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Own load under way.
    pub(crate) under_way: Bounds,
    /// Own load that has been booked, ever.
    pub(crate) booked: Bounds,
}

impl Seen {
    pub(crate) fn between(sent: &Sums, arrived: &Sums) -> Self {
        let ended = arrived.ended.wrapping_sub(sent.ended).max(0);
        Self {
            under_way: Bounds {
                least: (sent.under_way - ended).max(0),
                most: arrived.under_way.wrapping_add(ended),
            },
            booked: Bounds {
                least: sent.booked,
                most: arrived.booked,
            },
        }
    }
}

impl Ledger {
    /// The sums before a scrape leaves. Of the load under way it has no more than really is: ended load is read first.
    #[inline]
    pub(crate) fn sums_at_send(&self) -> Sums {
        let cancelled = self.cancelled.load(Acquire);
        let answered = self.answered.load(Acquire);
        let settled = self.settled.load(Acquire);
        let assigned = self.assigned.load(Acquire);
        Sums {
            settled,
            booked: settled.wrapping_add(answered),
            ended: settled.wrapping_add(answered).wrapping_add(cancelled),
            // Read again: what was settled since then must not count as under way.
            under_way: assigned.wrapping_sub(self.settled.load(Acquire)),
        }
    }

    /// The same without what was restored since the last sample.
    pub(crate) fn shown_sums(&self) -> Sums {
        let unshown = self.record().inherited.unshown;
        let sums = self.sums_at_send();
        let less = |sum: i64| sum.wrapping_sub(unshown);
        Sums {
            settled: less(sums.settled),
            booked: less(sums.booked),
            ended: less(sums.ended),
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
        Sums {
            settled,
            booked: settled.wrapping_add(answered),
            ended: settled.wrapping_add(answered).wrapping_add(cancelled),
            under_way: assigned.wrapping_sub(settled).max(0),
        }
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
                self.ended.fetch_add(1, Relaxed);
                self.loosen();
            }
        }
    }

    /// The upstream has answered for `load`, or never will: from now on its gauge shows whether it bears it.
    #[inline]
    pub(crate) fn settle(&self, load: Load) {
        self.settled.fetch_add(load.micros(), Release);
        self.ended.fetch_add(1, Relaxed);
    }

    /// `load` is known not to be booked.
    #[inline]
    pub(crate) fn take_back(&self, load: Load) {
        self.assigned.fetch_sub(load.micros(), AcqRel);
        self.cancelled.fetch_add(load.micros(), Release);
        self.ended.fetch_add(1, Relaxed);
        self.loosen();
    }
}
