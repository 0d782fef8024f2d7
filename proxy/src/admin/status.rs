//! The grid as JSON: one object a substation, with what is measured and what is only believed kept apart.

use serde::Serialize;

use crate::{
    dispatch::Shared,
    grid::{Grid, Substation},
};

/// The answer of `/status`.
#[derive(Debug, Serialize)]
pub(super) struct Status<'a> {
    policy: &'static str,
    config_version: u64,
    substations: Vec<One<'a>>,
}

#[derive(Debug, Serialize)]
struct One<'a> {
    name: &'a str,
    address: String,
    state: &'static str,
    /// As last sampled; null before a first sample.
    current_load: Option<f64>,
    /// Null where none is known.
    capacity: Option<f64>,
    sample_age_seconds: Option<f64>,
    estimated_load: f64,
    unseen_load: f64,
    in_flight: u64,
    assigned_total: u64,
}

impl<'a> Status<'a> {
    pub(super) fn of(shared: &'a Shared) -> Self {
        let grid = &shared.grid;
        Self {
            policy: grid.selector().policy().name(),
            // The configuration is read once, so far.
            config_version: 1,
            substations: grid
                .substations()
                .iter()
                .map(|substation| One::of(grid, substation))
                .collect(),
        }
    }
}

impl<'a> One<'a> {
    fn of(grid: &Grid, substation: &'a Substation) -> Self {
        let ledger = substation.ledger();
        let now = grid.clock().now();
        Self {
            name: substation.name(),
            address: substation.address().to_string(),
            state: grid.state_of(substation).name(),
            current_load: ledger.value().map(switchyard_balance::Load::units),
            capacity: ledger.capacity().map(switchyard_balance::Load::units),
            sample_age_seconds: substation
                .sampled_at()
                .map(|at| now.since(at).as_secs_f64()),
            estimated_load: ledger.estimate().units(),
            unseen_load: ledger.unseen().units(),
            in_flight: ledger.in_flight(),
            assigned_total: ledger.reservations(),
        }
    }
}
