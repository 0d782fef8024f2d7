//! The room of a feeder while two processes book on it: the old process, which hands over, and the next.
//!
//! What the old process still books reaches the new one with the gauges, and until then each could fill the same room. A
//! substation refuses by itself what it can't take; a feeder can't. So the old process keeps half of what is left, books no
//! more than that, and never takes back what it has given away. The new one leaves that half alone until the other has
//! ended and the gauges have shown what it booked.

use super::Feeder;
use crate::{
    Load,
    load::MOST,
    sync::atomic::{AtomicI64, Ordering::Relaxed},
};

/// See the [module](self). In millionths; written while the lock is held.
#[derive(Debug)]
pub(super) struct Divided {
    /// How much may still be reserved here: [`MOST`] where nothing is divided.
    kept: AtomicI64,
    /// The part of the room that is another process's.
    withheld: AtomicI64,
}

impl Default for Divided {
    fn default() -> Self {
        Self {
            kept: AtomicI64::new(MOST),
            withheld: AtomicI64::new(0),
        }
    }
}

impl Divided {
    /// What may be reserved here of so much.
    #[inline]
    pub(super) fn of(&self, left: i64) -> i64 {
        let withheld = self.withheld.load(Relaxed);
        (left - withheld).min(self.kept.load(Relaxed))
    }

    /// `load` has been reserved here.
    pub(super) fn spend(&self, load: Load) {
        let kept = self.kept.load(Relaxed);
        if kept != MOST {
            self.kept.store((kept - load.micros()).max(0), Relaxed);
        }
    }
}

impl Feeder {
    /// Divides the room that is left: half of it is this process's for the rest of its life, and is returned. None without
    /// a bound.
    #[doc(hidden)]
    pub fn divide(&self) -> Option<Load> {
        let _held = self.lock.hold();
        let half = Load::from_micros(self.left()?.micros() / 2);
        self.divided.kept.store(half.micros(), Relaxed);
        Some(half)
    }

    /// All of the room is this process's again.
    #[doc(hidden)]
    pub fn unite(&self) {
        let _held = self.lock.hold();
        self.divided.kept.store(MOST, Relaxed);
    }

    /// Leaves so much of the room to another process; nothing if that has ended.
    #[doc(hidden)]
    pub fn withhold(&self, load: Load) {
        let _held = self.lock.hold();
        self.divided.withheld.store(load.micros(), Relaxed);
        self.loosen();
    }

    /// What is left to another process.
    #[doc(hidden)]
    #[must_use]
    pub fn withheld(&self) -> Load {
        Load::from_micros(self.divided.withheld.load(Relaxed))
    }
}
