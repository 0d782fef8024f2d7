//! The last sample with its context, for [`crate::share`] and [`crate::lasts_estimator`].

use std::sync::PoisonError;

use super::{
    Bounds, Ledger,
    sample::{Drawn, Record},
    told::ToldSeen,
};
use crate::{
    Lasts, Load,
    sync::{MutexGuard, atomic::Ordering::Acquire},
};

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
    /// How long own load was taken to last.
    pub(crate) lasts: Lasts,
    /// Own load that is in the value, as far as it was taken to last. For sessions this is a running sum: only its
    /// difference from that of another sample has a meaning.
    pub(crate) own: Bounds,
    /// The part of it that ends with its answer.
    pub(crate) answers: Bounds,
    /// Of all of these, what requests said how long it lasts.
    told: ToldSeen,
    /// Own load under way that the gauge can have seen.
    pub(crate) under_way: Bounds,
    /// Own load that the upstream had answered for, as a running sum.
    pub(crate) booked: Bounds,
    /// How often the ledger had been restored when its scrape was sent; none where that was before the last time.
    restores: Option<u32>,
}

/// What a sample shows of the requests that did not say how long their load lasts, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Untold {
    /// The gauge without the load under way that is known to end with its answer.
    pub(crate) value: i64,
    /// Own load under way that the gauge can have seen.
    pub(crate) under_way: i64,
    /// Own load that the upstream had answered for, as a running sum.
    pub(crate) booked: Bounds,
    /// The same of the load that is known to outlive its answer.
    pub(crate) told_booked: Bounds,
}

impl LastSample {
    /// Whether what changed since `before` was brought about by this process and by others that it does not know. After
    /// a [restore](Ledger::restore) the sums have what another process had booked, and say nothing about a step.
    pub(crate) fn follows(&self, before: &Self) -> bool {
        self.restores.is_some() && self.restores == before.restores
    }

    /// The gauge without own load that ends with its answer, in millionths.
    pub(crate) fn lasting(&self) -> i64 {
        (self.value.micros() - self.answers.middle()).max(0)
    }

    /// What is to be seen of the requests that did not say how long their load lasts.
    pub(crate) fn untold(&self) -> Untold {
        let told = &self.told;
        let middles = told.answers.middle().saturating_add(told.sessions.middle());
        let under_way = (self.under_way.middle() - middles).max(0);
        Untold {
            value: (self.value.micros() - told.answers.middle()).max(0),
            under_way,
            booked: Bounds {
                least: self.booked.least.wrapping_sub(told.booked.least),
                most: self.booked.most.wrapping_sub(told.booked.most),
            },
            told_booked: told.booked,
        }
    }
}

impl Ledger {
    /// The last sample, if there has been one.
    #[doc(hidden)]
    #[must_use]
    pub fn last_sample(&self) -> Option<LastSample> {
        let record = self.record();
        let number = self.samples.load(Acquire);
        let Record { drawn, seen, .. } = *record;
        let Drawn {
            lasts,
            expected,
            found,
            own,
            answers,
            ..
        } = drawn;
        (number > 0).then(|| LastSample {
            number,
            value: Load::from_micros(record.gauge),
            capacity: self.capacity(),
            expected: Load::from_micros(expected),
            found: Load::from_micros(found),
            lasts,
            own,
            answers,
            told: seen.told,
            under_way: seen.under_way,
            booked: seen.booked,
            restores: record.restores,
        })
    }

    /// Waits for the right to read or write the last sample. Writing it takes nanoseconds, unless the writer's thread is
    /// preempted meanwhile.
    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        // No code panics while it holds the lock; if it did, a half-written sample would last until the next.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
