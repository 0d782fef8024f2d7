//! How much of the traffic may be retries.
//!
//! When a substation fails under load, every request becomes two, and the second halves fall on those that
//! still stand. A budget keeps retries to a share of the requests: each request pays in that share of a
//! retry, each retry takes out a whole one. A floor lets a quiet proxy retry at all.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// Thousandths of a retry.
const RETRY: i64 = 1_000;
/// The most that can be saved up, and what a new budget begins with: this many retries in a row.
const FLOOR: i64 = 100 * RETRY;

/// The budget of one proxy. Shared by all threads.
#[derive(Debug)]
pub struct RetryBudget {
    share: i64,
    saved: AtomicI64,
}

impl RetryBudget {
    /// `share` is the part of requests that may be retried, 0 to 1. With 0 nothing ever is.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a share is at most 1")]
    pub fn new(share: f64) -> Self {
        let share = (share.clamp(0.0, 1.0) * 1e3) as i64;
        Self {
            share,
            saved: AtomicI64::new(if share == 0 { 0 } else { FLOOR }),
        }
    }

    /// A new request pays in.
    pub fn request(&self) {
        // Full most of the time: then this is one read of a line that nobody writes.
        if self.saved.load(Relaxed) < FLOOR {
            self.saved.fetch_add(self.share, Relaxed);
        }
    }

    /// Takes one retry out, if there is one.
    #[must_use]
    pub fn take(&self) -> bool {
        self.saved
            .fetch_update(Relaxed, Relaxed, |saved| {
                (saved >= RETRY).then(|| saved - RETRY)
            })
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_a_share_of_requests_beyond_the_floor() {
        let budget = RetryBudget::new(0.2);
        let floor = (0..1_000).filter(|_| budget.take()).count();
        assert_eq!(floor, 100);
        let mut retries = 0;
        for _ in 0..1_000 {
            budget.request();
            retries += usize::from(budget.take());
        }
        assert_eq!(retries, 200);
    }

    #[test]
    fn a_share_of_zero_means_none() {
        let budget = RetryBudget::new(0.0);
        budget.request();
        assert!(!budget.take());
    }
}
