//! Limits how much of the traffic may be retries.
//!
//! When a substation fails under load, every request becomes two, and the retries fall on the substations that still
//! work. The budget keeps retries to a share of the requests: each request deposits that share of a retry, each retry
//! withdraws a whole one. A floor lets a proxy with little traffic retry at all.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// Thousandths of a retry.
const RETRY: i64 = 1_000;
/// The most that can be saved, and the balance of a new budget, in thousandths of a retry.
const FLOOR: i64 = 100 * RETRY;

/// The budget of one proxy. Shared by all threads.
#[derive(Debug)]
pub struct RetryBudget {
    saved: AtomicI64,
}

impl RetryBudget {
    /// Deposits for a new request `share` of a retry, 0 to 1.
    #[expect(clippy::cast_possible_truncation, reason = "a share is at most 1")]
    pub fn deposit(&self, share: f64) {
        // The budget is full most of the time. Then this is one read of a cache line that no thread writes.
        if self.saved.load(Relaxed) < FLOOR {
            let part = (share.clamp(0.0, 1.0) * 1e3) as i64;
            self.saved.fetch_add(part, Relaxed);
        }
    }

    /// Withdraws one retry, if the balance allows it. With a share of 0 it never does.
    #[must_use]
    pub fn withdraw(&self, share: f64) -> bool {
        share > 0.0
            && self
                .saved
                .fetch_update(Relaxed, Relaxed, |saved| {
                    (saved >= RETRY).then(|| saved - RETRY)
                })
                .is_ok()
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            saved: AtomicI64::new(FLOOR),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_a_share_of_requests_beyond_the_floor() {
        let budget = RetryBudget::default();
        let floor = (0..1_000).filter(|_| budget.withdraw(0.2)).count();
        assert_eq!(floor, 100);
        let mut retries = 0;
        for _ in 0..1_000 {
            budget.deposit(0.2);
            retries += usize::from(budget.withdraw(0.2));
        }
        assert_eq!(retries, 200);
    }

    #[test]
    fn a_share_of_zero_means_none() {
        let budget = RetryBudget::default();
        budget.deposit(0.0);
        assert!(!budget.withdraw(0.0));
    }
}
