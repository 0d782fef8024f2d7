//! The sums of a feeder's members.
//!
//! Ten members of 10¹² units each are more millionths than 64 bits hold. So the sums have 128, in two words. They change
//! only while the feeders' lock is held, and so they are read.

use super::FeederLock;
use crate::{
    Load,
    load::MOST,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// What one upstream's ledger adds to the feeders above it, in millionths. Sums of it too: the fields may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ledger) struct Contribution {
    /// What its gauge said.
    pub(in crate::ledger) gauge: i128,
    /// What scores count as its gauge.
    pub(in crate::ledger) value: i128,
    /// The part of its load that the gauge can't contain.
    pub(in crate::ledger) unseen: i128,
    /// The most that its load can be.
    pub(in crate::ledger) most: i128,
    /// 1 if it has a sample.
    pub(in crate::ledger) sampled: i128,
}

impl Contribution {
    pub(in crate::ledger) fn since(self, before: Self) -> Self {
        Self {
            gauge: self.gauge - before.gauge,
            value: self.value - before.value,
            unseen: self.unseen - before.unseen,
            most: self.most - before.most,
            sampled: self.sampled - before.sampled,
        }
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(in crate::ledger) struct Sums {
    gauge: Wide,
    value: Wide,
    unseen: Wide,
    most: Wide,
    sampled: Wide,
}

impl Sums {
    /// The lock is held.
    pub(in crate::ledger) fn add(&self, change: &Contribution) {
        self.gauge.add(change.gauge);
        self.value.add(change.value);
        self.unseen.add(change.unseen);
        self.most.add(change.most);
        self.sampled.add(change.sampled);
    }

    /// All of it; the lock is held.
    pub(in crate::ledger) fn get(&self) -> Contribution {
        Contribution {
            gauge: self.gauge.get(),
            value: self.value.get(),
            unseen: self.unseen.get(),
            most: self.most.get(),
            sampled: self.sampled.get(),
        }
    }

    /// The lock is held.
    pub(in crate::ledger) fn set(&self, to: Contribution) {
        self.add(&to.since(self.get()));
    }

    /// What scores count as the gauges, in millionths. The lock is held.
    #[expect(
        clippy::cast_precision_loss,
        reason = "16 digits are enough to compare by"
    )]
    pub(super) fn value(&self) -> f64 {
        self.value.get() as f64
    }

    /// The part of the load that the gauges can't contain, in millionths. The lock is held.
    #[expect(
        clippy::cast_precision_loss,
        reason = "16 digits are enough to compare by"
    )]
    pub(super) fn unseen(&self) -> f64 {
        self.unseen.get() as f64
    }

    /// How much more load would stay within `bound`, in millionths, as far as 64 bits hold it. The lock is held.
    pub(super) fn left(&self, bound: Option<Load>) -> i64 {
        match bound {
            None => MOST,
            Some(bound) => narrow(i128::from(bound.micros()) - self.most.get()),
        }
    }

    /// What the gauges say together, if there is one.
    pub(super) fn gauge(&self, lock: &FeederLock) -> Option<Load> {
        let _held = lock.hold();
        (self.sampled.get() > 0).then(|| load(self.gauge.get()))
    }

    /// The estimate of the load.
    pub(super) fn estimate(&self, lock: &FeederLock) -> Load {
        let _held = lock.hold();
        load(self.value.get() + self.unseen.get())
    }
}

/// A load that is not negative and at most the largest.
fn load(micros: i128) -> Load {
    Load::from_micros(narrow(micros.clamp(0, i128::from(Load::LARGEST.micros()))))
}

fn narrow(micros: i128) -> i64 {
    let most = i128::from(MOST);
    i64::try_from(micros.clamp(-most, most)).unwrap_or(MOST)
}

/// A number of 128 bits that threads share under a lock.
#[derive(Debug, Default)]
struct Wide {
    low: AtomicU64,
    high: AtomicU64,
}

impl Wide {
    fn get(&self) -> i128 {
        let (high, low) = (self.high.load(Relaxed), self.low.load(Relaxed));
        (u128::from(high) << 64 | u128::from(low)).cast_signed()
    }

    #[expect(clippy::cast_possible_truncation, reason = "the halves of the number")]
    fn add(&self, change: i128) {
        if change == 0 {
            return;
        }
        let sum = (self.get() + change).cast_unsigned();
        self.low.store(sum as u64, Relaxed);
        self.high.store((sum >> 64) as u64, Relaxed);
    }
}
