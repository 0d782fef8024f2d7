//! How fast a round of scrapes begins.
//!
//! A thousand scrapes that begin at the same moment keep a core busy for some twenty milliseconds,
//! twice a second, and requests wait meanwhile: that is their p99. So a round begins in groups, a
//! moment apart, and between two groups the core belongs to the requests. A group is large enough
//! that one wake-up serves several answers, and small enough that a request behind it waits for a
//! fraction of a millisecond. A grid of one group is scraped at one moment.
//!
//! The distance is a time and not a part of the interval, because samples of different age cost
//! evenness: of two substations, the one that was read later shows more of the sessions that have
//! ended meanwhile, and gets more than its part. `docs/balancing.md` says how much: nothing that
//! counts while a round begins within a quarter of the interval, little within half of it. It never
//! takes longer.

use std::time::Duration;

/// How many scrapes begin together.
const GROUP: usize = 32;
/// From one group to the next, unless there are so many that a round would take too long.
const STEP: Duration = Duration::from_millis(4);
/// A round has begun all of its scrapes after this part of the interval: one divided by this. The
/// jitter comes on top.
const MOST: u32 = 2;

/// The pace of one round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    step: Duration,
    begun: usize,
}

impl Pace {
    /// The pace of a round of `count` scrapes, of which the next begins `interval` later.
    pub(super) fn of(count: usize, interval: Duration) -> Self {
        let groups = u32::try_from(count.div_ceil(GROUP)).unwrap_or(u32::MAX);
        Self {
            step: STEP.min(interval / MOST / groups.max(1)),
            begun: 0,
        }
    }

    /// Notes that another scrape begins.
    pub(super) fn begin(&mut self) {
        self.begun += 1;
    }

    /// When the next scrape may begin, from the start of the round on.
    pub(super) fn next(&self) -> Duration {
        let groups = u32::try_from(self.begun / GROUP).unwrap_or(u32::MAX);
        self.step.saturating_mul(groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each scrape of a round begins.
    fn begins(count: usize, interval: Duration) -> Vec<Duration> {
        let mut pace = Pace::of(count, interval);
        let next = |_| {
            let at = pace.next();
            pace.begin();
            at
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn a_small_grid_is_scraped_at_one_moment() {
        for count in [0, 1, 3, GROUP] {
            let at_once = vec![Duration::ZERO; count];
            assert_eq!(begins(count, Duration::from_millis(500)), at_once);
        }
    }

    #[test]
    fn a_large_grid_is_scraped_in_groups() {
        let begins = begins(1000, Duration::from_millis(500));
        for (at, begin) in begins.iter().enumerate() {
            assert_eq!(*begin, STEP * u32::try_from(at / GROUP).unwrap());
        }
        // A quarter of the interval.
        assert!(*begins.last().unwrap() <= Duration::from_millis(125));
    }

    #[test]
    fn a_round_has_begun_after_half_of_its_interval_however_many_there_are() {
        for millis in [50, 100, 500, 5000] {
            let interval = Duration::from_millis(millis);
            for count in [33, 100, 1000, 10_000, 100_000] {
                let begins = begins(count, interval);
                let last = *begins.last().unwrap();
                assert!(last <= interval / 2, "{count} every {millis} ms: {last:?}");
                assert!(begins.is_sorted());
                // Evenly, so no moment has many.
                let all: std::collections::HashSet<_> = begins.iter().collect();
                assert_eq!(
                    all.len(),
                    count.div_ceil(GROUP),
                    "{count} every {millis} ms"
                );
            }
        }
    }
}
