//! What dispatchers share, for the next process.

use std::time::Duration;

use switchyard_config as config;
use switchyard_idempotency::Claimed;
use tokio::time::Instant;

use super::{
    DispatchState,
    authority::{Proposal, Unavailable},
    budget::CarriedBudget,
    capacity_forecast::{CarriedCapacity, CarriedScope},
    idempotency,
};

impl DispatchState {
    /// When bookings end, and who was promised room.
    pub(crate) fn carry_capacity(&self, now: Instant) -> CarriedCapacity {
        self.forecast.carry(now)
    }

    /// Goes on from what another process knew `ago`.
    pub(crate) fn restore_capacity(&self, carried: &CarriedCapacity, ago: Duration, now: Instant) {
        self.forecast.restore(carried, ago, now);
    }

    /// When bookings end under single feeders and selections, and who was promised their room.
    pub(crate) fn carry_scopes(&self, now: Instant) -> Vec<CarriedScope> {
        self.forecast.carry_scopes(now)
    }

    /// Goes on from what another process knew of those `ago`.
    pub(crate) fn restore_scopes(&self, carried: Vec<CarriedScope>, ago: Duration, now: Instant) {
        self.forecast.restore_scopes(carried, ago, now);
    }

    /// Answers a proposal of the process from which this one has taken over.
    pub(crate) async fn claim_for(
        &self,
        proposal: &Proposal,
        rules: &config::Retry,
    ) -> Result<Claimed, Unavailable> {
        let limits = idempotency::limits(rules);
        self.keys.claim_for(proposal, &limits).await
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
