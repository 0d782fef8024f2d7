//! Load whose request says how long it lasts, whatever the ledger's rule is.
//!
//! A ledger has one rule for the load of its requests ([`Ledger::lasts`](super::Ledger::lasts)). A request may know better:
//! a completion that streams is a load until its last byte, also where sessions of hours are booked at the same upstream.
//! Then the gauge shows both, and the two must not be taken for each other: load that ends with its answer leaves the
//! gauge without a sample that says so, and load that outlives it does not.
//!
//! So such load is counted beside the sums of all load, by how long it lasts. Both sums only grow, and a request is counted
//! before it is sent. So what was under way at any moment between a scrape's send and its arrival lies between what had
//! been reserved at its send less what had ended at its arrival, and the reverse, whatever the order of reading.
//!
//! A ledger without such load has none of it.

use super::{
    Ledger,
    running::{Bounds, Running},
};
use crate::{
    Lasts, Load,
    sync::atomic::{
        AtomicI64,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};

/// The sums of the load whose request said how long it lasts.
#[derive(Debug, Default)]
pub(super) struct Told {
    answers: Counted,
    sessions: Counted,
    /// Of the sessions, what has been booked or may have been.
    booked: AtomicI64,
}

/// Load that has been reserved, ever, and load whose reservation has ended in any way.
#[derive(Debug, Default)]
struct Counted {
    reserved: AtomicI64,
    ended: AtomicI64,
}

/// The same at one moment. The sums wrap; only differences are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ToldSums {
    pub(super) answers: Running,
    pub(super) sessions: Running,
    booked: i64,
}

/// What a sample can have seen of such load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ToldSeen {
    /// Load under way that ends with its answer.
    pub(crate) answers: Bounds,
    /// Load under way that outlives it.
    pub(crate) sessions: Bounds,
    /// Sessions that have been booked, as a running sum.
    pub(crate) booked: Bounds,
}

/// How a reservation ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Unknown,
    Answered,
    Cancelled,
}

impl Counted {
    fn read(&self) -> Running {
        let ended = self.ended.load(Acquire);
        Running {
            reserved: self.reserved.load(Acquire),
            ended,
        }
    }
}

impl ToldSeen {
    pub(super) fn between(sent: &ToldSums, arrived: &ToldSums) -> Self {
        Self {
            answers: Running::between(sent.answers, arrived.answers),
            sessions: Running::between(sent.sessions, arrived.sessions),
            booked: Bounds {
                least: sent.booked,
                most: arrived.booked,
            },
        }
    }
}

impl Ledger {
    /// Whether the ledger has ever had load whose request said how long it lasts.
    #[inline]
    pub(super) fn is_told(&self) -> bool {
        self.told.get().is_some()
    }

    /// The sums of such load now.
    #[inline]
    pub(super) fn told_sums(&self) -> ToldSums {
        self.told.get().map_or_else(ToldSums::default, |told| {
            let booked = told.booked.load(Acquire);
            ToldSums {
                answers: told.answers.read(),
                sessions: told.sessions.read(),
                booked,
            }
        })
    }

    /// `load`, which is reserved here, lasts so long. To be called before its request is sent.
    pub(crate) fn tell(&self, load: Load, lasts: Lasts) {
        let told = self.told.get_or_init(Box::default);
        let counted = told.counted(lasts);
        counted.reserved.fetch_add(load.micros(), Release);
    }

    /// Ends a reservation of `load` that was [told](Ledger::tell) to last so long.
    pub(crate) fn end_told(&self, load: Load, lasts: Lasts, end: End) {
        let told = self.told.get_or_init(Box::default);
        // First: a sample that comes now must not take for shown what has ended. (In between it counts as a session's.)
        told.counted(lasts).ended.fetch_add(load.micros(), AcqRel);
        match (end, lasts) {
            // It leaves no load that a gauge could show later: in the sums it is as if it had not been booked.
            (End::Answered, Lasts::Answer) | (End::Cancelled, _) => self.take_back(load),
            (End::Answered, Lasts::Session) | (End::Unknown, _) => {
                if lasts == Lasts::Session {
                    told.booked.fetch_add(load.micros(), Release);
                }
                self.settle(load);
            }
        }
    }

    /// The answer to one request has begun: it waits for it no longer.
    pub(crate) fn begin(&self) {
        self.begun.fetch_add(1, AcqRel);
    }

    /// The reservation of a request whose answer had begun is about to end.
    pub(crate) fn end_begun(&self) {
        // Before it counts as ended: in between it counts as waiting, and no limit is passed.
        self.begun.fetch_sub(1, AcqRel);
    }

    /// Requests that wait for their answer to begin. (Of those that are [in flight](Ledger::in_flight), others' answers are
    /// under way.)
    #[doc(hidden)]
    #[must_use]
    #[inline]
    pub fn awaiting(&self) -> u64 {
        // In this order no request is left out that waits: see `end_begun`.
        let ended = self.ended.load(Acquire);
        let begun = self.begun.load(Acquire);
        let reservations = self.reservations.load(Relaxed);
        reservations.saturating_sub(ended).saturating_sub(begun)
    }
}

impl Told {
    fn counted(&self, lasts: Lasts) -> &Counted {
        match lasts {
            Lasts::Answer => &self.answers,
            Lasts::Session => &self.sessions,
        }
    }
}
