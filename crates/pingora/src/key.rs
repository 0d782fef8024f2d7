//! The load of a request, in the key of a selection.
//!
//! Pingora passes a selection nothing but a key. A choice by load has no other use for the key, so it carries the load.

use switchyard_balance::Load;

/// A key that carries a load begins with this, so that no other key is mistaken for one.
const MARK: [u8; 8] = *b"load\0\xFF\0\xFF";

/// A key for a selection by [`LeastLoad`](crate::LeastLoad) that carries the load of the request.
/// Any other key stands for the default load.
#[must_use]
pub fn key(load: Load) -> [u8; 16] {
    let mut key = [0; 16];
    let (mark, micros) = key.split_at_mut(MARK.len());
    mark.copy_from_slice(&MARK);
    micros.copy_from_slice(&load.micros().to_be_bytes());
    key
}

/// The load that a key carries; `None` for any other key, and for a number that is not a valid load.
pub(crate) fn load_of(key: &[u8]) -> Option<Load> {
    let micros = key.strip_prefix(&MARK)?.try_into().ok()?;
    let load = Load::from_micros(i64::from_be_bytes(micros));
    // Checked, and returned as it was: units are rounded.
    Load::new(load.units()).map(|_| load)
}
