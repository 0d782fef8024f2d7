//! What is offered and when: arrival times joined with the cars that arrive.

use std::time::Duration;

use crate::vehicle::Vehicle;

/// A request that is to leave at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Offer {
    /// Since the start of the run.
    pub(crate) at: Duration,
    pub(crate) vehicle: Vehicle,
}

/// Joins arrival times with cars; it ends with the shorter of the two.
pub(crate) fn offers(
    times: impl Iterator<Item = Duration>,
    vehicles: impl Iterator<Item = Vehicle>,
) -> impl Iterator<Item = Offer> {
    times
        .zip(vehicles)
        .map(|(at, vehicle)| Offer { at, vehicle })
}
