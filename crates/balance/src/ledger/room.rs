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

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::Ledger;
use crate::{Load, load::MOST};

/// The value of [`Ledger`]'s `capacity` where none is known.
pub(super) const UNKNOWN: i64 = -1;

impl Ledger {
    /// The upstream has refused `load`, whatever its gauge said. Until the next sample it counts as having no room for
    /// that much, but room for less.
    pub fn refused(&self, load: Load) {
        let full = self.assigned().wrapping_add(load.micros() - 1);
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

    /// Sets the capacity and the greatest `assigned` for which the load stays within it for certain.
    pub(super) fn set_ceiling(&self, capacity: Option<Load>) {
        self.capacity
            .store(capacity.map_or(UNKNOWN, Load::micros), Relaxed);
        let room = capacity.map_or(MOST, Load::micros);
        let unassigned = self.unassigned_most.load(Relaxed);
        self.ceiling.store(room.wrapping_sub(unassigned), Release);
    }

    /// The capacity, where it is known.
    #[must_use]
    pub fn capacity(&self) -> Option<Load> {
        match self.capacity.load(Relaxed) {
            UNKNOWN => None,
            micros => Some(Load::from_micros(micros)),
        }
    }

    /// 1 / capacity in units of the gauge; 1 where none is known.
    pub(crate) fn inverse_capacity(&self) -> f64 {
        self.capacity()
            .map_or(1.0, |capacity| capacity.units().recip())
    }

    /// Whether `load` more would stay within the capacity, for this `assigned`.
    #[inline]
    pub(crate) fn has_room(&self, assigned: i64, load: Load) -> bool {
        self.ceiling.load(Relaxed).wrapping_sub(assigned) >= load.micros()
    }

    /// How much more load would stay within the capacity, in millionths. Not negative.
    pub(crate) fn headroom(&self) -> i64 {
        let assigned = self.assigned();
        self.ceiling.load(Relaxed).wrapping_sub(assigned).max(0)
    }

    /// The largest load that it would take now, in millionths; `i64::MAX` where that can't be said. An upstream whose
    /// sample is stale is asked for anything up to its capacity, and one at a hard limit of its requests for nothing.
    #[must_use]
    pub fn room(&self) -> i64 {
        if self.is_at_hard_limit() {
            0
        } else if self.is_stale() {
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
