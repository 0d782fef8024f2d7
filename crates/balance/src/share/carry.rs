//! A share that goes on in the next process.

use super::{LEAST_SHARE, ShareEstimator};

/// What a [`ShareEstimator`] has learned, for the next process.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CarriedShare {
    /// Own bookings towards the gaps.
    pub own_towards_gaps: f64,
    /// All growth towards the gaps.
    pub all_towards_gaps: f64,
    /// The variance of the difference of the two.
    pub variance: f64,
    /// Rounds without a foreign booking.
    pub quiet_rounds: u32,
    /// The share.
    pub share: f64,
}

impl ShareEstimator {
    /// What it has learned.
    #[doc(hidden)]
    #[must_use]
    pub fn carry(&self) -> CarriedShare {
        CarriedShare {
            own_towards_gaps: self.own_towards_gaps,
            all_towards_gaps: self.all_towards_gaps,
            variance: self.variance,
            quiet_rounds: self.quiet_rounds,
            share: self.share,
        }
    }

    /// Goes on from what an estimator of another process has learned. The upstreams' samples stay its own. Numbers that
    /// none can have learned change nothing.
    #[doc(hidden)]
    pub fn restore(&mut self, carried: CarriedShare) {
        let CarriedShare {
            own_towards_gaps,
            all_towards_gaps,
            variance,
            quiet_rounds,
            share,
        } = carried;
        let sums = [own_towards_gaps, all_towards_gaps, variance];
        let is_sound = sums.iter().all(|sum| sum.is_finite())
            && variance >= 0.0
            && (LEAST_SHARE..=1.0).contains(&share);
        if is_sound {
            *self = Self {
                own_towards_gaps,
                all_towards_gaps,
                variance,
                quiet_rounds,
                share,
                slots: std::mem::take(&mut self.slots),
                ..Self::new()
            };
        }
    }
}
