//! Figures over time.
//!
//! A mean over time is weighted by time: each reading counts for the time until the next. A load
//! that lasted for one reading of many can set the peak, and hardly moves the mean.

use crate::number::share;
use crate::report::Peak;

/// A figure over time: its highest value, and what its mean needs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TimeWeighted {
    peak: f64,
    sum: f64,
    seconds: f64,
}

impl TimeWeighted {
    pub(super) fn add(&mut self, value: f64, seconds: f64) {
        self.peak = self.peak.max(value);
        self.sum += value * seconds;
        self.seconds += seconds;
    }

    /// Whether a value lasted for a while.
    pub(super) fn has_time(self) -> bool {
        self.seconds > 0.0
    }

    pub(super) fn report(self) -> Option<Peak> {
        self.has_time().then(|| Peak {
            peak: self.peak,
            time_weighted: share(self.sum, self.seconds),
        })
    }
}
