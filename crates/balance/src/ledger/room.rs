//! Room: whether a request still fits.
//!
//! A choice goes by the estimate. Room goes by the *most* that the load can be: a sample can't say whether it contains
//! what was booked while it was read, and half of that may not slip past a capacity. Where this refuses what the
//! estimate would take, the next sample says more.
//!
//! ```text
//! most = value + (assigned − settled_at_send)                     load that outlives the answer
//! most = max(0, value − least own load it saw) + own load now     load that ends with the answer
//! ```
//!
//! Without other traffic the true load is never above `most`, however scrapes, bookings and answers interleave. An
//! extrapolation does not change it: a guess makes no room.
//!
//! Beside load that outlives its answer, one thing is assumed of own load that ends with it: requests, answers and gauges do
//! not overtake each other. What is sent before a scrape is in the gauge, and what the gauge lacks because it has ended has
//! come before it. Otherwise the load of such a request is missing until the next sample.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::Ledger;
use crate::{Load, load::MOST};

/// The value of [`Ledger`]'s `capacity` where none is known.
pub(super) const UNKNOWN: i64 = -1;

impl Ledger {
    /// The upstream has refused `load`, whatever its gauge said. Until the next sample it counts as having no room for
    /// that much, but room for less.
    pub fn refused(&self, load: Load) {
        self.refused_without(load, Load::ZERO);
    }

    /// The same for a ledger with a reservation of `own` that is about to be cancelled: what that leaves is no room either.
    #[doc(hidden)]
    pub fn refused_without(&self, load: Load, own: Load) {
        let assigned = self.assigned().wrapping_sub(own.micros());
        let full = assigned.wrapping_add(load.micros() - 1);
        let lower = |ceiling: i64| (ceiling.wrapping_sub(full) > 0).then_some(full);
        // Err: the ceiling was lower already.
        let _ = self.ceiling.fetch_update(AcqRel, Acquire, lower);
    }

    /// Sets the capacity, for example after a configuration reload. `None` makes it unknown until a sample states it.
    pub fn set_capacity(&self, capacity: Option<Load>) {
        let _record = self.record();
        self.set_ceiling(capacity);
        self.publish_weight();
    }

    /// Sets a limit beside the capacity, from outside: the stricter of the two counts. It is in force when this returns,
    /// also for an upstream whose sample is stale. A load above it only stays.
    pub fn set_limit(&self, limit: Option<Load>) {
        let _record = self.record();
        self.limit
            .store(limit.map_or(UNKNOWN, Load::micros), Relaxed);
        self.set_ceiling(self.capacity());
        self.publish_weight();
    }

    /// The limit beside the capacity, where one is set.
    #[must_use]
    pub fn limit(&self) -> Option<Load> {
        known(self.limit.load(Relaxed))
    }

    /// The most load that it may bear: the lower of its capacity and its limit, where one of them is known.
    #[must_use]
    pub fn bound(&self) -> Option<Load> {
        let both = [self.capacity(), self.limit()];
        both.into_iter().flatten().min()
    }

    /// Sets the capacity and the greatest `assigned` for which the load stays within its bound for certain.
    pub(super) fn set_ceiling(&self, capacity: Option<Load>) {
        self.capacity
            .store(capacity.map_or(UNKNOWN, Load::micros), Relaxed);
        let room = self.bound().map_or(MOST, Load::micros);
        let unassigned = self.unassigned_most.load(Relaxed);
        self.ceiling.store(room.wrapping_sub(unassigned), Release);
    }

    /// The capacity, where it is known.
    #[must_use]
    pub fn capacity(&self) -> Option<Load> {
        known(self.capacity.load(Relaxed))
    }

    /// 1 / bound in units of the gauge. Where none is known: 1, and for the meter of a feeder 0.
    pub(crate) fn inverse_bound(&self) -> f64 {
        self.bound()
            .map_or(self.unbounded_weight, |bound| bound.units().recip())
    }

    /// Whether `load` more would stay within the bound, for this `assigned`.
    #[inline]
    pub(crate) fn has_room(&self, assigned: i64, load: Load) -> bool {
        self.ceiling.load(Relaxed).wrapping_sub(assigned) >= load.micros()
    }

    /// How much more load would stay within the bound, in millionths; negative if it is passed.
    #[inline]
    pub(super) fn present_headroom(&self) -> i64 {
        self.ceiling.load(Relaxed).wrapping_sub(self.assigned())
    }

    /// How much more load would stay within the bound, in millionths. Not negative.
    pub(crate) fn headroom(&self) -> i64 {
        self.present_headroom().max(0)
    }

    /// The largest load that it would take now, in millionths; `i64::MAX` where that can't be said. An upstream whose
    /// sample is stale is asked for anything up to its capacity, and one at a hard limit of its requests for nothing.
    #[doc(hidden)]
    #[must_use]
    pub fn room(&self) -> i64 {
        if self.is_at_hard_limit() {
            0
        } else if self.is_stale() && self.limit().is_none() {
            self.capacity().map_or(i64::MAX, Load::micros)
        } else {
            self.headroom()
        }
    }

    /// Whether `load` more would stay within what the sums hold, for this `assigned`, whatever the capacity is.
    pub(crate) fn is_countable(&self, assigned: i64, load: Load) -> bool {
        self.estimate_from(assigned) <= MOST - load.micros()
    }
}

/// A load that may be unknown.
fn known(micros: i64) -> Option<Load> {
    (micros != UNKNOWN).then(|| Load::from_micros(micros))
}
