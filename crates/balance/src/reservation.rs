//! A reservation is a promise that ends in exactly one way.
//!
//! It is a drop guard, so that a cancelled request, a timeout or a panic ends it too. A reservation that is merely
//! dropped counts as *unknown*: the upstream may have booked it, and the next sample shows whether it did. Load can
//! neither leak nor be taken back twice.

use std::sync::Arc;

use crate::{Ledger, Load};

/// Load set aside on one upstream until its answer is known.
#[derive(Debug)]
#[must_use = "a reservation that is dropped counts as possibly booked"]
pub struct Reservation<U: AsRef<Ledger>> {
    upstream: Arc<U>,
    load: Load,
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
    pub(crate) fn new(upstream: Arc<U>, load: Load) -> Self {
        Self {
            upstream,
            load,
            end: End::Unknown,
        }
    }

    /// Reserves on an upstream that the caller has chosen for its own reason, for example because no other upstream
    /// can answer the request. Ignores rotation and room.
    pub fn of(upstream: Arc<U>, load: Load) -> Self {
        let ledger = (*upstream).as_ref();
        while !ledger.reserve_from(ledger.assigned(), load) {}
        Self::new(upstream, load)
    }

    /// The upstream that was chosen.
    #[must_use]
    pub fn upstream(&self) -> &Arc<U> {
        &self.upstream
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
    fn drop(&mut self) {
        let ledger = (*self.upstream).as_ref();
        match self.end {
            End::Unknown => ledger.settle(self.load),
            End::Answered => ledger.booked(self.load),
            End::Cancelled => ledger.take_back(self.load),
        }
    }
}
