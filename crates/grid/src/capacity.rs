//! A capacity that the configuration sets, and that takes precedence over a gauge's.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use switchyard_balance::Load;

/// The value that means: no capacity is configured.
const NONE: i64 = -1;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct ConfiguredCapacity(AtomicI64);

impl Default for ConfiguredCapacity {
    fn default() -> Self {
        Self::new(None)
    }
}

impl ConfiguredCapacity {
    pub(crate) fn new(capacity: Option<Load>) -> Self {
        Self(AtomicI64::new(millionths(capacity)))
    }

    /// Sets it; true if it was another before.
    pub(crate) fn set(&self, capacity: Option<Load>) -> bool {
        let is = millionths(capacity);
        self.0.swap(is, Relaxed) != is
    }

    /// What is configured.
    pub(crate) fn get(&self) -> Option<Load> {
        match self.0.load(Relaxed) {
            NONE => None,
            micros => Some(Load::from_micros(micros)),
        }
    }
}

fn millionths(capacity: Option<Load>) -> i64 {
    capacity.map_or(NONE, Load::micros)
}
