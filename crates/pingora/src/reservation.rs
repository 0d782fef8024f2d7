//! The reservation of a selected backend, in the backend's `ext`.
//!
//! A selection returns nothing but a backend, so the reservation travels inside it.

use std::sync::Arc;

use parking_lot::Mutex;
use pingora_load_balancing::Backend;
use switchyard_balance::Reservation;

use crate::upstream::Upstream;

/// Takes the reservation out of a backend that a selection returned. A second call returns `None`.
///
/// For code that calls `select` itself; [`select_and_reserve`](crate::select_and_reserve) does this too.
#[must_use = "a reservation that is dropped counts as possibly booked"]
pub fn reservation(selected: &mut Backend) -> Option<Reservation<Upstream>> {
    let slot: Arc<ReservationSlot> = selected.ext.remove()?;
    slot.0.lock().take()
}

/// A reservation in a backend's `ext`. Clones of the backend share it.
#[derive(Debug)]
pub(crate) struct ReservationSlot(Mutex<Option<Reservation<Upstream>>>);

impl ReservationSlot {
    /// Puts the reservation into `backend`, and returns a second handle to it.
    pub(crate) fn put(backend: &mut Backend, reservation: Reservation<Upstream>) -> Arc<Self> {
        let slot = Arc::new(Self(Mutex::new(Some(reservation))));
        backend.ext.insert(Arc::clone(&slot));
        slot
    }

    /// Pingora turned the backend down, so nothing was sent to it.
    pub(crate) fn cancel(self) {
        if let Some(reservation) = self.0.into_inner() {
            reservation.cancel();
        }
    }
}
