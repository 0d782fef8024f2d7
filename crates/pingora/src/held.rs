//! The load of a request on its way in, its reservation on its way out.
//!
//! A selection gets a key and gives a backend, and that is all that Pingora lets through. A key is of no use to a
//! choice by load, so it carries the load; `ext` of the backend that comes out carries the reservation.

use std::sync::Arc;

use parking_lot::Mutex;
use pingora_load_balancing::Backend;
use switchyard_balance::{Load, Reservation};

use crate::upstream::Upstream;

/// What a key that carries a load begins with, so that any other key is not taken for one.
const MARK: [u8; 8] = *b"load\0\xFF\0\xFF";

/// A key for a selection by [`LeastLoad`](crate::LeastLoad) that says the load of the request. Any other key stands for the default.
#[must_use]
pub fn key(load: Load) -> [u8; 16] {
    let mut key = [0; 16];
    let (mark, micros) = key.split_at_mut(MARK.len());
    mark.copy_from_slice(&MARK);
    micros.copy_from_slice(&load.micros().to_be_bytes());
    key
}

/// The load that a key carries. What is no load is none, also where somebody made the key himself.
pub(crate) fn load_of(key: &[u8]) -> Option<Load> {
    let micros = key.strip_prefix(&MARK)?.try_into().ok()?;
    Load::new(Load::from_micros(i64::from_be_bytes(micros)).units())
}

/// Takes the reservation out of a backend that a selection gave: once, for whoever selects by himself.
#[must_use = "a reservation dropped without a word counts as possibly booked"]
pub fn reservation(selected: &mut Backend) -> Option<Reservation<Upstream>> {
    let held: Arc<Held> = selected.ext.remove()?;
    held.0.lock().take()
}

/// A reservation in a backend's `ext`, whose clones share it.
#[derive(Debug)]
pub(crate) struct Held(Mutex<Option<Reservation<Upstream>>>);

impl Held {
    /// Puts it there; what is returned is a second handle to it.
    pub(crate) fn put(backend: &mut Backend, reservation: Reservation<Upstream>) -> Arc<Self> {
        let held = Arc::new(Self(Mutex::new(Some(reservation))));
        backend.ext.insert(Arc::clone(&held));
        held
    }

    /// Nobody took the backend: nothing was sent to it.
    pub(crate) fn turned_down(self) {
        if let Some(reservation) = self.0.into_inner() {
            reservation.cancel();
        }
    }
}
