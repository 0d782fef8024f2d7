//! The grid as JSON: one object a substation, with what is measured and what is only believed kept apart.

use serde::Serialize;

use crate::{
    clock::Moment,
    dispatch::Snapshot,
    grid::{Grid, Substation, health::Stage},
};

/// The answer of `/status`.
#[derive(Debug, Serialize)]
pub(super) struct Status<'a> {
    policy: &'static str,
    config_version: u64,
    /// Too few are in rotation, so those ejected for failing are used as well.
    panic: bool,
    substations: Vec<One<'a>>,
}

/// One substation, in its answer and in those of `/substations/{name}/…`.
#[derive(Debug, Serialize)]
pub(super) struct One<'a> {
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
    health: Health,
}

/// Why it is in that state, and what comes next.
#[derive(Debug, Serialize)]
struct Health {
    /// Its last scrape brought a sample.
    can_scrape: bool,
    /// Requests are sent to it.
    can_charge: bool,
    stage: &'static str,
    failures_in_a_row: u32,
    ejections: u32,
    /// Null unless it is ejected.
    trial_in_seconds: Option<f64>,
    /// The part of its share that it may have: 1 unless it has just come back.
    share: f64,
    /// The least load that it has refused and is not asked for now; null if none.
    refuses_from: Option<f64>,
    draining: bool,
}

impl<'a> Status<'a> {
    pub(super) fn of(now: &'a Snapshot) -> Self {
        let grid = &now.grid;
        Self {
            policy: grid.selector().policy().name(),
            config_version: now.version,
            panic: grid.is_panicking(),
            substations: grid
                .substations()
                .iter()
                .map(|substation| One::of(grid, substation))
                .collect(),
        }
    }
}

impl<'a> One<'a> {
    pub(super) fn of(grid: &Grid, substation: &'a Substation) -> Self {
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
            health: Health::of(substation, now),
        }
    }
}

impl Health {
    fn of(substation: &Substation, now: Moment) -> Self {
        let view = substation.view(now);
        let (stage, trial_in) = match view.stage {
            Stage::In => ("in", None),
            Stage::Ejected(until) => ("ejected", Some(until.since(now).as_secs_f64())),
            Stage::Trial => ("trial", None),
            Stage::Tried => ("tried", None),
        };
        Self {
            can_scrape: substation.can_scrape(),
            can_charge: view.is_in_rotation,
            stage,
            failures_in_a_row: view.failures,
            ejections: view.ejections,
            trial_in_seconds: trial_in,
            share: view.share,
            refuses_from: view.refuses.map(switchyard_balance::Load::units),
            draining: view.is_draining,
        }
    }
}
