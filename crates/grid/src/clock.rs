//! Moments as milliseconds, so that they fit into an atomic.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchyard_telemetry::WallClock;
use tokio::time::Instant;

/// Moments count from so many milliseconds before the process started, a hundred days: what an earlier process did has
/// a moment too.
const BEFORE: u64 = 100 * 24 * 3_600 * 1_000;

/// The process's own clock, which never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    wall: WallClock,
}

/// A moment of a [`Clock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

/// A moment for another process, whose clock is another one: how many milliseconds it is from now, negative for the
/// past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FromNow(pub i64);

impl FromNow {
    /// This moment, seen from `now`.
    #[must_use]
    pub fn of(moment: Moment, now: Moment) -> Self {
        Self(moment.0.cast_signed().saturating_sub(now.0.cast_signed()))
    }

    /// The moment that was told like this `ago`.
    #[must_use]
    pub fn moment(self, ago: Duration, now: Moment) -> Moment {
        let away = Duration::from_millis(self.0.unsigned_abs());
        let told = now.minus(ago);
        if self.0 < 0 {
            told.minus(away)
        } else {
            told.plus(away)
        }
    }
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            wall: WallClock::now(),
        }
    }

    /// This moment.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.at(Instant::now())
    }

    /// The moment of an earlier reading of the clock.
    #[must_use]
    pub fn at(&self, instant: Instant) -> Moment {
        let elapsed = instant.saturating_duration_since(self.start).as_millis();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        Moment(elapsed.saturating_add(BEFORE))
    }

    /// The time from the start to an earlier reading of the clock.
    #[must_use]
    pub fn since_start(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.start)
    }

    /// A moment as seconds since the Unix epoch, for people and Prometheus. It follows the wall clock: after that was
    /// set, the same moment is shown as another time, and its age stays right.
    #[must_use]
    pub fn unix_seconds(&self, moment: Moment) -> f64 {
        let seconds = |after| self.wall.unix_seconds(after, self.start.elapsed());
        if let Some(after) = moment.0.checked_sub(BEFORE) {
            seconds(Duration::from_millis(after))
        } else {
            let before = Duration::from_millis(BEFORE.saturating_sub(moment.0));
            seconds(Duration::ZERO) - before.as_secs_f64()
        }
    }
}

impl Moment {
    /// From milliseconds, of which only differences have a meaning.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// As milliseconds, of which only differences have a meaning.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this moment; zero if it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The moment that was `earlier` before this one; the first that can be told, if that is later.
    #[must_use]
    pub fn minus(self, earlier: Duration) -> Self {
        let earlier = u64::try_from(earlier.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(earlier))
    }

    /// The moment that is `later` after this one.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(later.as_millis()).unwrap_or(u64::MAX)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_before_the_start_has_its_age_and_its_time_of_day() {
        let clock = Clock::start();
        let now = clock.now();
        let earlier = now.minus(Duration::from_hours(1));
        assert_eq!(now.since(earlier), Duration::from_hours(1));
        let apart = clock.unix_seconds(now) - clock.unix_seconds(earlier);
        assert!((apart - 3_600.0).abs() < 0.01, "{apart}");
    }
}
