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
    taken_back: bool,
}

impl<U: AsRef<Ledger>> Reservation<U> {
    pub(crate) fn new(upstream: Arc<U>, load: Load) -> Self {
        Self {
            upstream,
            load,
            taken_back: false,
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
    pub fn booked(self) {}

    /// The upstream may or may not have booked it; its next sample shows which.
    pub fn unknown(self) {}

    /// Takes the load back: it is certain that nothing was booked.
    pub fn cancel(mut self) {
        self.taken_back = true;
    }
}

impl<U: AsRef<Ledger>> Drop for Reservation<U> {
    fn drop(&mut self) {
        let ledger = (*self.upstream).as_ref();
        if self.taken_back {
            ledger.take_back(self.load);
        } else {
            ledger.settle(self.load);
        }
    }
}
