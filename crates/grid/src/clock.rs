//! Moments as milliseconds since the process started, so that they fit into an atomic.

use std::time::Duration;

use switchyard_telemetry::WallClock;
use tokio::time::Instant;

/// The process's own clock, which never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    wall: WallClock,
}

/// A moment of a [`Clock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

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
        Moment(u64::try_from(elapsed).unwrap_or(u64::MAX))
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
        let after = Duration::from_millis(moment.0);
        self.wall.unix_seconds(after, self.start.elapsed())
    }
}

impl Moment {
    /// From milliseconds since the start.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the start.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this moment; zero if it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
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
