//! A request that is to be sent now.

use std::time::Duration;

use tokio::time::Instant;

use crate::vehicle::Vehicle;

/// A request to be sent now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    /// When it was due, which is where its latency begins.
    pub(crate) due: Instant,
    /// The same, since the start of the run.
    pub(crate) at: Duration,
    pub(crate) vehicle: Vehicle,
}

#[cfg(test)]
impl Job {
    /// A request of a usual car, due now.
    pub(crate) fn test(at: Duration, energy_kwh: f64) -> Self {
        Self {
            due: Instant::now(),
            at,
            vehicle: Vehicle {
                run: 1,
                number: 1,
                power_kw: 11.0,
                energy_kwh,
                malformed: None,
                unplug_after: None,
            },
        }
    }
}
