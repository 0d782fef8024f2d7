//! What a process learns of its substations from round to round of samples.
//!
//! The scraping task learns, and holds the lock for a moment once a round. It is here and not in that task, so that what
//! was learned can be carried to the next process.

use switchyard_balance::{LastsEstimator, RequestLimits, ShareEstimator, TrustEstimator};

use crate::substation::Id;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Learning {
    /// Which share of a gap is this proxy's.
    pub(super) share: ShareEstimator,
    /// How long load lasts.
    pub(super) lasts: LastsEstimator,
    /// Which gauges can be believed.
    pub(super) trust: TrustEstimator,
    /// How many requests may be under way to each substation.
    pub(super) limits: RequestLimits<Id>,
}
