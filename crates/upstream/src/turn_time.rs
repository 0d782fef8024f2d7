//! The worker's own lateness: how long one turn of its event loop takes.
//!
//! An answer lies in the kernel's buffers until the worker polls its sockets, and its task then waits behind all
//! other ready tasks. Under load that takes milliseconds, which are not the substation's. So now and then a
//! worker measures one turn: the time from a task's yield until it runs again, after every ready task has run and
//! the sockets have been polled.
//!
//! A turn that turns out long has made answers late before its length is known: the tasks that read them run before
//! the one that measures. So a turn that is still being measured counts as far as it has come.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::{task::yield_now, time::Instant};

/// One of so many requests on connections of their own measures a turn.
const SAMPLING: u32 = 32;

/// No turn is being measured.
const NONE: u64 = u64::MAX;

/// The length of a worker's turns.
#[derive(Debug)]
pub(super) struct TurnTime {
    /// The moment from which `measured_since` counts.
    origin: Instant,
    nanos: AtomicU64,
    /// Since when the oldest measurement under way runs, in nanoseconds, or [`NONE`].
    measured_since: AtomicU64,
    requests: AtomicU32,
}

impl Default for TurnTime {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            nanos: AtomicU64::new(0),
            measured_since: AtomicU64::new(NONE),
            requests: AtomicU32::new(0),
        }
    }
}

impl TurnTime {
    /// The longest recent turn. Each shorter one lets it decay by a quarter.
    pub(super) fn turn(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Relaxed))
    }

    /// By how much an answer may seem to have taken longer than it did, by the turns that are measured. At worst it
    /// arrived just after a turn had begun, and its task ran last in the next turn.
    pub(super) fn answer_lateness(&self) -> Duration {
        2 * self.turn()
    }

    /// The same for an answer that is read `now`, with a turn that is still being measured.
    pub(super) fn answer_lateness_at(&self, now: Instant) -> Duration {
        let so_far = match self.measured_since.load(Relaxed) {
            NONE => Duration::ZERO,
            since => now.saturating_duration_since(self.origin + Duration::from_nanos(since)),
        };
        so_far.max(self.answer_lateness())
    }

    /// Whether this request is one that measures.
    pub(super) fn is_due(&self) -> bool {
        self.requests.fetch_add(1, Relaxed).is_multiple_of(SAMPLING)
    }

    /// Yields for one turn, and measures it.
    pub(super) async fn yield_and_measure(&self) {
        let before = Instant::now();
        let measurement = self.begin(before);
        yield_now().await;
        drop(measurement);
        self.record(before.elapsed());
    }

    /// Begins a measurement, which counts as being under way until the result is dropped.
    fn begin(&self, now: Instant) -> Measurement<'_> {
        let is_oldest = self.measured_since.load(Relaxed) == NONE;
        if is_oldest {
            let since = nanos(now.saturating_duration_since(self.origin));
            self.measured_since.store(since, Relaxed);
        }
        Measurement(self, is_oldest)
    }

    fn record(&self, turn: Duration) {
        let before = self.nanos.load(Relaxed);
        self.nanos
            .store(nanos(turn).max(before - before / 4), Relaxed);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A measurement under way, and whether it is the oldest.
struct Measurement<'a>(&'a TurnTime, bool);

impl Drop for Measurement<'_> {
    fn drop(&mut self) {
        if self.1 {
            self.0.measured_since.store(NONE, Relaxed);
        }
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

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_is_still_measured_counts_as_far_as_it_has_come() {
        const MILLI: Duration = Duration::from_millis(1);
        let (turn_time, begin) = (TurnTime::default(), Instant::now());
        turn_time.record(MILLI);
        assert_eq!(turn_time.answer_lateness_at(begin), 2 * MILLI);
        let oldest = turn_time.begin(begin);
        let second = turn_time.begin(begin + 5 * MILLI);
        let lateness = |after: u32| turn_time.answer_lateness_at(begin + after * MILLI);
        assert_eq!((lateness(1), lateness(9)), (2 * MILLI, 9 * MILLI));
        drop(second);
        assert_eq!(lateness(9), 9 * MILLI);
        drop(oldest);
        assert_eq!(lateness(9), 2 * MILLI);
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
