//! Limits how much of the traffic may be retries.
//!
//! When a substation fails under load, every request becomes two, and the retries fall on the substations that still
//! work. The budget keeps retries to a share of the requests: each request deposits that share of a retry, each retry
//! withdraws a whole one. A floor lets a proxy with little traffic retry at all.
//!
//! One client can make every one of its requests a retry, by what it sends or by how often it asks. So half of the floor
//! is kept for the others: a client with most of the last retries gets none of it, unless most bookings are its own, as
//! those of a proxy in front are.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};

use serde::{Deserialize, Serialize};
use switchyard_grid::{MainClient, Source};

/// Thousandths of a retry.
const RETRY: i64 = 1_000;
/// The most that can be saved, and the balance of a new budget, in thousandths of a retry.
const FLOOR: i64 = 100 * RETRY;

/// What is kept for clients that retry little, in thousandths of a retry.
const KEPT: i64 = FLOOR / 2;
/// How many retries are remembered with their client.
const REMEMBERED: usize = 32;

/// The budget of one proxy. Shared by all threads.
#[derive(Debug)]
pub struct RetryBudget {
    saved: AtomicI64,
    /// The clients of the last retries, as numbers, and how many retries there were.
    last: [AtomicU64; REMEMBERED],
    retries: AtomicUsize,
    main_client: MainClient,
}

/// What one process leaves of its budget to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CarriedBudget {
    /// In thousandths of a retry.
    saved: i64,
    /// The clients of the last retries, as numbers.
    clients: Vec<u64>,
}

impl RetryBudget {
    /// What the next process needs to go on.
    pub(super) fn carry(&self) -> CarriedBudget {
        CarriedBudget {
            saved: self.saved.load(Relaxed),
            clients: self.last.iter().map(|last| last.load(Relaxed)).collect(),
        }
    }

    /// Goes on from what another process has left.
    pub(super) fn restore(&self, carried: &CarriedBudget) {
        self.saved.store(carried.saved.clamp(0, FLOOR), Relaxed);
        for (place, client) in self.last.iter().zip(&carried.clients) {
            place.store(*client, Relaxed);
        }
    }

    /// Deposits for a new request `share` of a retry, 0 to 1.
    #[expect(clippy::cast_possible_truncation, reason = "a share is at most 1")]
    pub fn deposit(&self, share: f64) {
        // The budget is full most of the time. Then this is one read of a cache line that no thread writes.
        if self.saved.load(Relaxed) < FLOOR {
            let part = (share.clamp(0.0, 1.0) * 1e3) as i64;
            self.saved.fetch_add(part, Relaxed);
        }
    }

    /// Notes a booking of this client; a sample of all bookings is enough.
    pub fn booked(&self, client: Source) {
        self.main_client.served(client);
    }

    /// Withdraws one retry for this client, if the balance allows it. With a share of 0 it never does.
    #[must_use]
    pub fn withdraw(&self, share: f64, client: Source) -> bool {
        let kept = if self.is_heavy(client) { KEPT } else { 0 };
        let is_withdrawn = share > 0.0
            && self
                .saved
                .fetch_update(Relaxed, Relaxed, |saved| {
                    (saved >= RETRY + kept).then(|| saved - RETRY)
                })
                .is_ok();
        if is_withdrawn {
            let at = self.retries.fetch_add(1, Relaxed) % REMEMBERED;
            if let Some(place) = self.last.get(at) {
                place.store(client.number(), Relaxed);
            }
        }
        is_withdrawn
    }

    /// Whether most of the last retries were this client's, and most bookings are not.
    fn is_heavy(&self, client: Source) -> bool {
        let is_own = |place: &&AtomicU64| place.load(Relaxed) == client.number();
        let own = self.last.iter().filter(is_own).count();
        2 * own > REMEMBERED && !self.main_client.believes(client)
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            saved: AtomicI64::new(FLOOR),
            last: std::array::from_fn(|_| AtomicU64::new(0)),
            retries: AtomicUsize::new(0),
            main_client: MainClient::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u32) -> Source {
        Source::of(std::net::IpAddr::V4(number.into()))
    }

    #[test]
    fn one_client_leaves_half_to_the_others_unless_it_is_the_main_one() {
        let budget = RetryBudget::default();
        (0..100).for_each(|number| budget.booked(client(number % 5)));
        let withdrawn = |number| {
            let times = (0..1_000).filter(|_| budget.withdraw(0.2, client(number)));
            times.count()
        };
        assert_eq!((withdrawn(9), withdrawn(9)), (50, 0));
        assert_eq!(withdrawn(1), 17, "until it is the heavy one");
        assert_eq!(withdrawn(2), 17);
        let budget = RetryBudget::default();
        (0..100).for_each(|_| budget.booked(client(1)));
        let all = (0..1_000).filter(|_| budget.withdraw(0.2, client(1)));
        assert_eq!(all.count(), 100);
    }

    #[test]
    fn retries_are_a_share_of_requests_beyond_the_floor() {
        let budget = RetryBudget::default();
        let floor = (0..1_000)
            .filter(|_| budget.withdraw(0.2, client(1)))
            .count();
        assert_eq!(floor, 100);
        let mut retries = 0;
        for _ in 0..1_000 {
            budget.deposit(0.2);
            retries += usize::from(budget.withdraw(0.2, client(1)));
        }
        assert_eq!(retries, 200);
    }

    #[test]
    fn a_budget_that_is_used_up_is_used_up_in_the_next_process_too() {
        let old = RetryBudget::default();
        while old.withdraw(0.2, client(9)) {}
        let new = RetryBudget::default();
        new.restore(&old.carry());
        assert!(!new.withdraw(0.2, client(1)));
        // It is the heavy one there as well.
        (0..100).for_each(|number| new.booked(client(number % 5)));
        (0..250).for_each(|_| new.deposit(0.2));
        assert!(!new.withdraw(0.2, client(9)));
        assert!(new.withdraw(0.2, client(1)));
        let absurd = CarriedBudget {
            saved: i64::MAX,
            clients: vec![9; 1_000],
        };
        new.restore(&absurd);
        assert_eq!(new.carry().saved, FLOOR);
    }

    #[test]
    fn a_share_of_zero_means_none() {
        let budget = RetryBudget::default();
        budget.deposit(0.0);
        assert!(!budget.withdraw(0.0, client(1)));
    }
}
