//! The worker's own lateness: how long one turn of its event loop takes.
//!
//! An answer lies in the kernel's buffers until the worker polls its sockets, and its task then waits behind all
//! other ready tasks. Under load that takes milliseconds, which are not the substation's. So now and then a
//! worker measures one turn: the time from a task's yield until it runs again, after every ready task has run and
//! the sockets have been polled.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::{task::yield_now, time::Instant};

/// One of so many requests on connections of their own measures a turn.
const SAMPLING: u32 = 32;

/// The length of a worker's turns.
#[derive(Debug, Default)]
pub(super) struct TurnTime {
    nanos: AtomicU64,
    requests: AtomicU32,
}

impl TurnTime {
    /// The longest recent turn. Each shorter one lets it decay by a quarter.
    pub(super) fn turn(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Relaxed))
    }

    /// By how much an answer may seem to have taken longer than it did. At worst it arrived just after a turn had
    /// begun, and its task ran last in the next turn.
    pub(super) fn answer_lateness(&self) -> Duration {
        2 * self.turn()
    }

    /// Whether this request is one that measures.
    pub(super) fn is_due(&self) -> bool {
        self.requests.fetch_add(1, Relaxed).is_multiple_of(SAMPLING)
    }

    /// Yields for one turn, and measures it.
    pub(super) async fn yield_and_measure(&self) {
        let before = Instant::now();
        yield_now().await;
        self.record(before.elapsed());
    }

    fn record(&self, turn: Duration) {
        let before = self.nanos.load(Relaxed);
        let turn = u64::try_from(turn.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.store(turn.max(before - before / 4), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_turn_counts_at_once_and_decays_slowly() {
        let turn_time = TurnTime::default();
        turn_time.record(Duration::from_millis(1));
        turn_time.record(Duration::from_millis(8));
        assert_eq!(turn_time.turn(), Duration::from_millis(8));
        turn_time.record(Duration::ZERO);
        assert_eq!(turn_time.turn(), Duration::from_millis(6));
        for _ in 0..100 {
            turn_time.record(Duration::from_micros(10));
        }
        assert_eq!(turn_time.turn(), Duration::from_micros(10));
    }

    #[test]
    fn one_of_many_requests_measures() {
        let turn_time = TurnTime::default();
        assert_eq!((0..320).filter(|_| turn_time.is_due()).count(), 10);
    }

    #[tokio::test]
    async fn a_turn_contains_the_other_work_of_the_worker() {
        let turn_time = TurnTime::default();
        let work = tokio::spawn(async {
            let begun = std::time::Instant::now();
            while begun.elapsed() < Duration::from_millis(3) {}
        });
        turn_time.yield_and_measure().await;
        assert!(turn_time.turn() >= Duration::from_millis(3));
        work.await.unwrap();
    }
}
