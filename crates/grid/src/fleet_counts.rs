//! How many substations of the grid are in which condition.
//!
//! The counts are kept as substations change, so that a change of one substation does not walk over
//! ten thousand.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use switchyard_config as config;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct FleetCounts {
    /// The most that may be ejected for failing at once.
    most_ejected: AtomicUsize,
    /// Ejected for failing.
    ejected: AtomicUsize,
    /// Members that are not draining.
    listed: AtomicUsize,
    /// Of those, neither ejected nor unreachable.
    fit: AtomicUsize,
}

impl FleetCounts {
    /// Sets how many of this many `substations` may be ejected for failing: a share of them, and at
    /// least one.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of at most 10,000 substations"
    )]
    pub(super) fn set_rules(&self, substations: usize, rules: &config::Health) {
        let most = ((substations as f64 * rules.most_ejected) as usize).max(1);
        self.most_ejected.store(most, Relaxed);
    }

    /// Counts one more ejection for failing, if that many are allowed.
    pub(super) fn admit_ejection(&self) -> bool {
        let most = self.most_ejected.load(Relaxed);
        let one_more = |ejected| (ejected < most).then_some(ejected + 1);
        self.ejected
            .fetch_update(Relaxed, Relaxed, one_more)
            .is_ok()
    }

    /// The same for a substation that is counted already if `is_counted`, and notes there whether it is now.
    pub(super) fn admit_once(&self, is_counted: &mut bool) -> bool {
        *is_counted = *is_counted || self.admit_ejection();
        *is_counted
    }

    /// An ejection that [`FleetCounts::admit_ejection`] counted is over.
    pub(super) fn end_ejection(&self) {
        self.ejected.fetch_sub(1, Relaxed);
    }

    /// How many are fit for requests, and of how many that are not draining.
    pub(super) fn fit_of(&self) -> (usize, usize) {
        (self.fit.load(Relaxed), self.listed.load(Relaxed))
    }

    /// Whether a substation is fit has changed from `before` to `after`, or has not.
    pub(super) fn note_fit(&self, before: bool, after: bool) {
        note(&self.fit, before, after);
    }

    /// The same of whether it is a member that is not draining.
    pub(super) fn note_listed(&self, before: bool, after: bool) {
        note(&self.listed, before, after);
    }
}

fn note(count: &AtomicUsize, before: bool, after: bool) {
    match (before, after) {
        (false, true) => count.fetch_add(1, Relaxed),
        (true, false) => count.fetch_sub(1, Relaxed),
        _ => 0,
    };
}
