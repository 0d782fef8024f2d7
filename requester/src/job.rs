//! A request that is to be sent now.

use std::time::Duration;

use tokio::time::Instant;

use crate::vehicle::Vehicle;

/// How many of the connections were busy when a request was due.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Crowd {
    /// At most a quarter.
    Few,
    /// Between a quarter and three quarters.
    #[default]
    Some,
    /// At least three quarters.
    Most,
}

impl Crowd {
    /// By the number of busy connections, of this many.
    pub(crate) fn of(busy: usize, limit: usize) -> Self {
        let quarters = busy.saturating_mul(4);
        if quarters <= limit {
            Self::Few
        } else if quarters >= limit.saturating_mul(3) {
            Self::Most
        } else {
            Self::Some
        }
    }
}

/// A request to be sent now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    /// When it was due, which is where its latency begins.
    pub(crate) due: Instant,
    /// The same, since the start of the run.
    pub(crate) at: Duration,
    pub(crate) vehicle: Vehicle,
    pub(crate) crowd: Crowd,
    /// How late the load generator was: from when it was due to when a worker had it. A wait for a
    /// connection comes after that, because the target may be why it takes long.
    pub(crate) own_lag: Option<Duration>,
}

impl Job {
    pub(crate) fn new(due: Instant, at: Duration, vehicle: Vehicle) -> Self {
        Self {
            due,
            at,
            vehicle,
            crowd: Crowd::default(),
            own_lag: None,
        }
    }

    /// A worker has it now, or it ends without one. Only the first call counts.
    pub(crate) fn taken(&mut self) -> Duration {
        *self.own_lag.get_or_insert_with(|| self.due.elapsed())
    }
}

#[cfg(test)]
impl Job {
    /// A request of a usual car, due now.
    pub(crate) fn test(at: Duration, energy_kwh: f64) -> Self {
        let vehicle = Vehicle {
            run: 1,
            number: 1,
            power_kw: 11.0,
            energy_kwh,
            malformed: None,
            unplug_after: None,
        };
        Self::new(Instant::now(), at, vehicle)
    }
}
