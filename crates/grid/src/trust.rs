//! Which gauges are believed.
//!
//! The judgement is the library's own ([`switchyard_balance::trust`]). This module has the clock, and says what changed.
//! It goes with the rounds of scrapes, and a substation whose answers tell no durations costs it a look.

use switchyard_balance::{Trust, TrustEstimator, trust::Change};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::grid::Grid;

/// Judges the gauges of `grid` after a round of samples, and logs what has changed.
pub(super) fn judge(estimator: &mut TrustEstimator, grid: &Grid) {
    let now = grid.clock().since_start(Instant::now());
    let within = TrustEstimator::within(grid.sample_interval(), grid.visibility_lag());
    for change in estimator.round(grid.roster(), now, within) {
        announce(grid, change);
    }
}

fn announce(grid: &Grid, change: &Change) {
    let Some(substation) = grid.substations().get(change.at) else {
        return;
    };
    let substation = substation.name();
    let (shows, booked) = (change.shown.units(), change.own.units());
    match change.trust {
        Trust::Trusted => info!(
            substation,
            shows, booked, "Substation's gauge shows what is booked: it is trusted again"
        ),
        Trust::Least => warn!(
            substation,
            shows,
            booked,
            "Substation's gauge does not show what is booked: it is distrusted, and dispatch continues by the ledger"
        ),
        Trust::Ignored => warn!(
            substation,
            shows,
            booked,
            "Substation's gauge stands still while its load changes: it is distrusted, and dispatch continues by the ledger"
        ),
    }
}
