//! A reservation is a promise that ends in exactly one way.
//!
//! It is a drop guard, so that a cancelled request, a timeout or a panic ends it too. A reservation that is merely
//! dropped counts as *unknown*: the upstream may have booked it, and the next sample shows whether it did. Load can
//! neither leak nor be taken back twice.
//!
//! Where the upstream is under [feeders](crate::Feeder), the reservation is one of all its levels, and ends on all at once.

use std::sync::Arc;

use crate::{Ledger, Load, ledger::FeederPath};

/// Load set aside on one upstream until its answer is known.
#[derive(Debug)]
#[must_use = "a reservation that is dropped counts as possibly booked"]
pub struct Reservation<U: AsRef<Ledger>> {
    upstream: Arc<U>,
    load: Load,
    /// The feeders that it is reserved on besides.
    path: Option<Arc<FeederPath>>,
    end: End,
}

/// How a reservation ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Unknown,
    Answered,
    Cancelled,
}

impl<U: AsRef<Ledger>> Reservation<U> {
    pub(crate) fn new(upstream: Arc<U>, load: Load, path: Option<Arc<FeederPath>>) -> Self {
        Self {
            upstream,
            load,
            path,
            end: End::Unknown,
        }
    }

    /// Reserves on an upstream that the caller has chosen for its own reason, for example because no other upstream
    /// can answer the request. Ignores rotation and room, also that of the feeders above it.
    pub fn of(upstream: Arc<U>, load: Load) -> Self {
        let path = (*upstream).as_ref().reserve_anyway(load);
        Self::new(upstream, load, path)
    }

    /// The same, unless a feeder above the upstream has no room for it. The upstream's own room is ignored: it refuses by
    /// itself what it can't take, and a feeder can't.
    #[must_use]
    pub fn within_feeders(upstream: Arc<U>, load: Load) -> Option<Self> {
        let reserved = (*upstream).as_ref().reserve_within_feeders(load)?;
        Some(Self::new(upstream, load, reserved.path))
    }

    /// The upstream that was chosen.
    #[must_use]
    pub fn upstream(&self) -> &Arc<U> {
        &self.upstream
    }

    /// The feeders that it is reserved on besides, the nearest first.
    #[must_use]
    pub fn feeders(&self) -> &[Arc<crate::Feeder>] {
        self.path.as_deref().map_or(&[], FeederPath::feeders)
    }

    /// The reserved load.
    #[must_use]
    pub fn load(&self) -> Load {
        self.load
    }

    /// The upstream confirmed the booking.
    pub fn booked(self) {
        self.answered();
    }

    /// The upstream answered, but not whether it booked; its next sample shows which. Load that ends with its answer
    /// has ended.
    pub fn answered(mut self) {
        self.end = End::Answered;
    }

    /// The upstream may or may not have booked it; its next sample shows which.
    pub fn unknown(self) {}

    /// Takes the load back: it is certain that nothing was booked.
    pub fn cancel(mut self) {
        self.end = End::Cancelled;
    }
}

impl<U: AsRef<Ledger>> Drop for Reservation<U> {
    #[inline]
    fn drop(&mut self) {
        let ledger = (*self.upstream).as_ref();
        ledger.end_on_path(self.path.as_deref(), |level| match self.end {
            End::Unknown => level.settle(self.load),
            End::Answered => level.booked(self.load),
            End::Cancelled => level.take_back(self.load),
        });
    }
}
