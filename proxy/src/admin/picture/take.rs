//! Takes the picture. The only place of this room that touches what is shared.

use switchyard_balance::Load;

use super::{Balance, Configuration, Meter, Picture, Reload, Substation, Verdict, verdict::Facts};
use crate::{
    admin::decisions,
    clock::Moment,
    dispatch::{Shared, Snapshot},
    grid::{self, Grid, View, health::Stage},
};

/// Choices in a picture: more than a person reads in a second.
const DECISIONS: usize = 8;

impl Picture {
    /// The proxy as it is now; `meter` knows how it was before.
    pub(in crate::admin) fn take(shared: &Shared, meter: &mut Meter) -> Self {
        let in_force = shared.snapshot();
        let grid = &*in_force.grid;
        let now = grid.clock().now();
        let substations: Vec<_> = grid
            .substations()
            .iter()
            .map(|substation| Substation::of(grid, substation, now))
            .collect();
        let mut traffic = meter.read(now, shared.metrics.requests().totals());
        traffic.in_flight = shared.in_hand.requests();
        traffic.waiting = shared.waiting();
        traffic.connections = shared.in_hand.connections();
        let balance = Balance::of(&substations);
        let configuration = Configuration::of(&in_force, shared.last_reload());
        let verdict = Verdict::of(&Facts {
            substations: &substations,
            traffic: &traffic,
            balance: &balance,
            configuration: &configuration,
            is_ready: grid.is_ready(),
            is_ending: shared.in_hand.is_draining(),
            is_panicking: grid.is_panicking(),
        });
        Self {
            unix_seconds: grid.clock().unix_seconds(now),
            verdict,
            traffic,
            balance,
            substations,
            decisions: decisions::last(shared, DECISIONS),
            configuration,
        }
    }
}

impl Substation {
    fn of(grid: &Grid, substation: &grid::Substation, now: Moment) -> Self {
        let ledger = substation.ledger();
        let view = substation.view(now);
        Self {
            name: substation.name().to_owned(),
            address: substation.address().to_string(),
            state: grid.state_of(substation).name().into(),
            in_rotation: view.is_in_rotation,
            load: ledger.value().map(Load::units),
            capacity: ledger.capacity().map(Load::units),
            estimate: ledger.estimate().units(),
            unseen: ledger.unseen().units(),
            age_seconds: substation
                .sampled_at()
                .map(|at| now.since(at).as_secs_f64()),
            in_flight: ledger.in_flight(),
            assigned: ledger.reservations(),
            note: note(&view, now),
        }
    }
}

/// What a person should know of a substation beyond its state.
fn note(view: &View, now: Moment) -> Option<String> {
    if let Stage::Ejected(until) = view.stage {
        let seconds = until.since(now).as_secs();
        return Some(format!("its trial is due in {seconds} s"));
    }
    if matches!(view.stage, Stage::Trial | Stage::Tried) {
        return Some("on trial: one request decides".to_owned());
    }
    if let Some(load) = view.refuses {
        return Some(format!("has just refused a load of {}", load.units()));
    }
    (view.share < 1.0).then(|| format!("coming back: {:.0} % of its share", view.share * 100.0))
}

impl Configuration {
    fn of(in_force: &Snapshot, last_reload: Option<Reload>) -> Self {
        let config = &in_force.config;
        Self {
            version: in_force.version,
            since_unix_seconds: in_force.grid.clock().unix_seconds(in_force.since),
            policy: in_force.grid.selector().policy().name().into(),
            unit: unit(&config.charge.load_field).into(),
            interval_seconds: config.load.interval.as_secs_f64(),
            stale_after_seconds: config.load.stale_after.as_secs_f64(),
            last_reload,
            program: env!("CARGO_PKG_VERSION").into(),
        }
    }
}

/// The unit that the name of the load's field ends with, by the custom of writing it there.
fn unit(load_field: &str) -> &'static str {
    match load_field.rsplit('_').next() {
        Some("kw") => "kW",
        Some("w") => "W",
        Some("mw") => "MW",
        Some("a") => "A",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_that_of_the_loads_field() {
        assert_eq!(unit("power_kw"), "kW");
        assert_eq!(unit("kw"), "kW");
        assert_eq!(unit("n"), "", "sequences have no unit");
    }
}
