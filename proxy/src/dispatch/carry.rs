//! What dispatchers share, for the next process.

use std::time::Duration;

use tokio::time::Instant;

use super::{DispatchState, budget::CarriedBudget, capacity_forecast::CarriedCapacity};

impl DispatchState {
    /// When bookings end, and who was promised room.
    pub(crate) fn carry_capacity(&self, now: Instant) -> CarriedCapacity {
        self.forecast.carry(now)
    }

    /// Goes on from what another process knew `ago`.
    pub(crate) fn restore_capacity(&self, carried: &CarriedCapacity, ago: Duration, now: Instant) {
        self.forecast.restore(carried, ago, now);
    }

    /// The retry budget.
    pub(crate) fn carry_budget(&self) -> CarriedBudget {
        self.budget.carry()
    }

    /// Goes on from what another process has left.
    pub(crate) fn restore_budget(&self, carried: &CarriedBudget) {
        self.budget.restore(carried);
    }
}
