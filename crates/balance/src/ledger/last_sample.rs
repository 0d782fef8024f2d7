//! The last sample with its context, for [`crate::share`].

use std::sync::atomic::Ordering::{Acquire, Relaxed};

use super::Ledger;
use crate::Load;

/// The last sample of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastSample {
    /// The number of samples so far, including this one.
    pub number: u64,
    /// The gauge.
    pub value: Load,
    /// The capacity, where it is known.
    pub capacity: Option<Load>,
    /// The estimate right before the sample.
    pub expected: Load,
    /// The estimate right after it.
    pub found: Load,
    /// Own bookings that are in the value for certain. This is a running sum: only its difference from that of another
    /// sample has a meaning.
    pub(crate) surely_seen: i64,
    /// Own bookings that are in the value at most: the same sum at its upper bound.
    pub(crate) possibly_seen: i64,
}

impl Ledger {
    /// The last sample, if there has been one.
    #[must_use]
    pub fn last_sample(&self) -> Option<LastSample> {
        // Any thread may be writing a sample, and a half-written one would be wrong.
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
