//! How late a lane is by its own doing.
//!
//! An answer lies in the system's buffers until the lane looks again, and then waits for its turn among all else that
//! is to be done. Under a rush that is milliseconds, and not the substation's. So now and then a lane
//! measures how long one turn takes: from a task's standing back until it runs again, once everything that was
//! ready has run and the sockets have been looked at.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::{task::yield_now, time::Instant};

/// Of so many requests on connections of their own, one measures.
const SAMPLING: u32 = 32;

/// The length of a lane's turns.
#[derive(Debug, Default)]
pub(super) struct TurnTime {
    nanos: AtomicU64,
    requests: AtomicU32,
}

impl TurnTime {
    /// The longest turn of late; one that was long counts for less with each that is not.
    pub(super) fn turn(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Relaxed))
    }

    /// By how much an answer may seem to have taken longer than it did: it came when a turn had just begun, and was last
    /// in the next.
    pub(super) fn answer_lateness(&self) -> Duration {
        2 * self.turn()
    }

    /// Whether it is time to measure again.
    pub(super) fn is_due(&self) -> bool {
        self.requests.fetch_add(1, Relaxed).is_multiple_of(SAMPLING)
    }

    /// Stands back for one turn, and measures it.
    pub(super) async fn yield_and_measure(&self) {
        let before = Instant::now();
        yield_now().await;
        self.took(before.elapsed());
    }

    fn took(&self, turn: Duration) {
        let before = self.nanos.load(Relaxed);
        let turn = u64::try_from(turn.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.store(turn.max(before - before / 4), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_turn_counts_at_once_and_is_forgotten_by_and_by() {
        let lag = TurnTime::default();
        turn_time.took(Duration::from_millis(1));
        turn_time.took(Duration::from_millis(8));
        assert_eq!(turn_time.turn(), Duration::from_millis(8));
        turn_time.took(Duration::ZERO);
        assert_eq!(turn_time.turn(), Duration::from_millis(6));
        for _ in 0..100 {
            turn_time.took(Duration::from_micros(10));
        }
        assert_eq!(turn_time.turn(), Duration::from_micros(10));
    }

    #[test]
    fn one_request_of_many_measures() {
        let lag = TurnTime::default();
        assert_eq!((0..320).filter(|_| turn_time.is_due()).count(), 10);
    }

    #[tokio::test]
    async fn what_else_the_lane_has_to_do_is_in_its_turn() {
        let lag = TurnTime::default();
        let work = tokio::spawn(async {
            let begun = std::time::Instant::now();
            while begun.elapsed() < Duration::from_millis(3) {}
        });
        turn_time.yield_and_measure().await;
        assert!(turn_time.turn() >= Duration::from_millis(3));
        work.await.unwrap();
    }
}
