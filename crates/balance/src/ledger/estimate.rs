//! What the load is now, as far as the ledger knows.

use super::Ledger;
use crate::{Load, sync::atomic::Ordering::Relaxed};

impl Ledger {
    /// The last sample's value, if there has been a sample.
    #[must_use]
    pub fn value(&self) -> Option<Load> {
        self.is_sampled()
            .then(|| Load::from_micros(self.gauge.load(Relaxed)))
    }

    /// The estimate of the load now. Without a sample: the assigned load.
    #[must_use]
    pub fn estimate(&self) -> Load {
        Load::from_micros(self.estimate_from(self.assigned()).max(0))
    }

    /// The part of the estimate that the last sample can't contain.
    #[must_use]
    pub fn unseen(&self) -> Load {
        let value = self.value().unwrap_or_default();
        Load::from_micros((self.estimate().micros() - value.micros()).max(0))
    }

    /// The estimate in millionths, for this `assigned`.
    #[inline]
    pub(crate) fn estimate_from(&self, assigned: i64) -> i64 {
        self.value
            .load(Relaxed)
            .saturating_add(self.unseen_from(assigned))
    }

    /// The part of the estimate that the gauge can't contain, for this `assigned`.
    #[inline]
    pub(super) fn unseen_from(&self, assigned: i64) -> i64 {
        self.unseen.load(Relaxed).wrapping_add(assigned)
    }

    /// The load that scores are made from: this `share` of the gauge's value, plus all load that the value can't
    /// contain.
    ///
    /// With a share of 1 it is the estimate: exactly up to 2^53 millionths, and to 16 digits beyond.
    #[inline]
    #[expect(
        clippy::cast_precision_loss,
        reason = "16 digits are enough to compare by"
    )]
    pub(crate) fn shared_estimate_from(&self, assigned: i64, share: f64) -> f64 {
        share * self.value.load(Relaxed) as f64 + self.unseen_from(assigned) as f64
    }

    /// The gauge as scores count it, and the load that it can't contain, in millionths.
    #[expect(clippy::cast_precision_loss, reason = "16 digits are enough for a sum")]
    pub(crate) fn gauge_and_unseen(&self) -> (f64, f64) {
        let unseen = self.unseen_from(self.assigned());
        (self.value.load(Relaxed) as f64, unseen as f64)
    }
}
