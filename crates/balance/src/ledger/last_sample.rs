//! What one sample showed, for those who learn from samples: see [`crate::share`].

use std::sync::atomic::Ordering::{Acquire, Relaxed};

use super::Ledger;
use crate::Load;

/// An account as its last sample left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastSample {
    /// How many samples have come, this one included.
    pub number: u64,
    /// The gauge.
    pub value: Load,
    /// The capacity, where it is known.
    pub capacity: Option<Load>,
    /// The estimate right before the sample.
    pub expected: Load,
    /// The estimate right after it.
    pub found: Load,
    /// Own bookings that are in the value for certain: a running sum that only makes sense against
    /// another look's.
    pub(crate) surely_seen: i64,
    /// Own bookings that may be in the value: the same sum at its most.
    pub(crate) possibly_seen: i64,
}

impl Ledger {
    /// The last sample, if one has come.
    #[must_use]
    pub fn last_sample(&self) -> Option<LastSample> {
        // Answers bring samples on every thread; a look at half of one would teach something false.
        let _guard = self.write_lock();
        let number = self.samples.load(Acquire);
        (number > 0).then(|| LastSample {
            number,
            value: Load::from_micros(self.gauge.load(Relaxed)),
            capacity: self.capacity(),
            expected: Load::from_micros(self.expected.load(Relaxed)),
            found: Load::from_micros(self.found.load(Relaxed)),
            surely_seen: self.settled_at_send.load(Relaxed),
            possibly_seen: self.assigned_at_arrival.load(Relaxed),
        })
    }
}
