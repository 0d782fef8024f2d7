//! What is known of room to come, for the next process.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use serde::{Deserialize, Serialize};
use switchyard_balance::{forecast::CarriedForecast, promises::CarriedPromises};
use tokio::time::Instant;

use super::{CapacityForecast, CarriedScope};

/// When bookings end, and who was promised their room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CarriedCapacity {
    forecast: CarriedForecast,
    promises: CarriedPromises,
}

impl CapacityForecast {
    /// What the next process needs to go on.
    pub(in crate::dispatch) fn carry(&self, now: Instant) -> CarriedCapacity {
        let now = self.since(now);
        CarriedCapacity {
            forecast: self.forecast.carry(now),
            promises: self.book.lock().promises.carry(now),
        }
    }

    /// The same for what is narrower than the grid.
    pub(in crate::dispatch) fn carry_scopes(&self, now: Instant) -> Vec<CarriedScope> {
        self.scopes.carry(self.since(now))
    }

    /// Goes on from what another process has left of those `ago`.
    pub(in crate::dispatch) fn restore_scopes(
        &self,
        carried: Vec<CarriedScope>,
        ago: Duration,
        now: Instant,
    ) {
        self.scopes.restore(carried, ago, self.since(now));
    }

    /// Goes on from what another process has left `ago`.
    pub(in crate::dispatch) fn restore(
        &self,
        carried: &CarriedCapacity,
        ago: Duration,
        now: Instant,
    ) {
        let now = self.since(now);
        self.forecast.restore(&carried.forecast, ago, now);
        let mut book = self.book.lock();
        book.promises.restore(&carried.promises, ago, now);
        self.promised.store(book.promises.count(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use switchyard_balance::{Load, promises::Wait};

    use super::*;

    #[test]
    fn a_client_that_was_promised_room_by_one_process_gets_it_from_the_next() {
        let load = Load::new(11.0).unwrap();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let [first, second] = [b"1", b"2"].map(|body| CapacityForecast::client(body, true));
        let old = CapacityForecast::new(start);
        let answer = br#"{"duration_seconds": 10}"#;
        old.booked(load, answer, (start, Duration::ZERO), std::iter::empty());
        let mut rng = Rng::with_seed(1);
        let told = old.promise(first, (load, 0), start, false, &mut rng);
        assert_eq!(told, Wait::Promised(11));

        let new = CapacityForecast::new(at(5));
        new.restore(&old.carry(at(5)), Duration::ZERO, at(5));
        assert!(!new.is_free());
        let room = || i128::from(load.micros());
        assert!(!new.enter(second, (load, 0), at(11), room));
        assert!(new.is_due(first, load, at(11)));
        assert!(new.enter(first, (load, 0), at(11), room));
        assert!(new.is_free());
    }
}
