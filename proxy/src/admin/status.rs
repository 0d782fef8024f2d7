//! The answer of `/status`.

use std::{collections::HashMap, sync::Arc};

use switchyard_balance::Load;
use switchyard_clients::Refused;
use switchyard_grid::{
    DrainSource, FeederView, Grid, Moment, RotationView, Stage, Substation, SubstationView,
};
use switchyard_status::{
    ClientStatus, Drain, FeederStatus, Fleet, GridStatus, Health, Limit, PrometheusStatus,
    StateFileStatus, SubstationStatus,
};

use tokio::time::Instant;

use crate::{runtime::KeptState, snapshot::Snapshot};

/// The strictest limits in force, by the name of a feeder or a substation.
pub(super) type Limits = HashMap<Arc<str>, Limit>;

/// The whole grid, what is shared with others, and the state file.
pub(super) fn of_grid<'a>(
    now: &'a Snapshot,
    fleet: Option<Fleet>,
    kept: Option<KeptState>,
    limits: &Limits,
) -> GridStatus<'a> {
    let grid = &now.grid;
    let at = grid.clock().now();
    let (lasts, source) = grid.lasts();
    GridStatus {
        policy: grid.selector().policy().name(),
        config_version: now.version,
        panic: grid.is_panicking(),
        lasts: lasts.name(),
        lasts_source: source.name(),
        fleet,
        state: kept.map(|kept| StateFileStatus {
            file: kept.file.display().to_string(),
            written_unix_seconds: kept.written.map(|at| grid.clock().unix_seconds(at)),
            write_seconds: kept.took.as_secs_f64(),
            bytes: kept.bytes,
            error: kept.error,
        }),
        prometheus: prometheus(grid, at),
        clients: clients(now),
        feeders: grid
            .feeder_views()
            .map(|view| feeder(&view, limits.get(view.name)))
            .collect(),
        substations: grid
            .views()
            .map(|view| shown(&view, limits.get(view.name), at))
            .collect(),
    }
}

/// What has come of the rounds of queries.
fn prometheus(grid: &Grid, now: Moment) -> Option<PrometheusStatus> {
    let queries = grid.queries()?;
    let answered = queries.answered_at;
    Some(PrometheusStatus {
        url: queries.url,
        error: queries.fault,
        answered_seconds_ago: answered.map(|at| now.since(at).as_secs_f64()),
        series: queries.series,
        unmatched_series: queries.unmatched,
        missing_substations: queries.missing,
        scrape_interval_seconds: queries.scrape_interval.map(|it| it.as_secs_f64()),
        stale_after_seconds: grid.stale_after().as_secs_f64(),
        clock_offset_seconds: queries.clock_offset,
    })
}

/// The configured clients.
fn clients(now: &Snapshot) -> Vec<ClientStatus<'_>> {
    let moment = now.grid.clock().since_start(Instant::now());
    let entries = now.clients.iter().flat_map(|clients| clients.entries());
    entries
        .map(|entry| {
            let account = entry.account();
            ClientStatus {
                name: account.name(),
                load: account.load(moment).units(),
                most_load: entry.most_load().map(Load::units),
                requests: account.requests(),
                refused_for_rate: account.refusals(Refused::Rate),
                refused_for_load: account.refusals(Refused::Load),
            }
        })
        .collect()
}

/// One substation of the grid.
pub(super) fn of_substation<'a>(
    grid: &'a Grid,
    substation: &'a Substation,
    limit: Option<&Limit>,
) -> SubstationStatus<'a> {
    let now = grid.clock().now();
    shown(&grid.view(substation, now), limit, now)
}

fn shown<'a>(
    view: &SubstationView<'a>,
    limit: Option<&Limit>,
    now: Moment,
) -> SubstationStatus<'a> {
    let labels = view.labels.iter();
    SubstationStatus {
        name: view.name,
        own_name: view.substation.own_name().map(|own| own.to_string()),
        address: view.address,
        state: view.state.name(),
        feeder: view.feeder,
        labels: labels.map(|(name, value)| (&**name, &**value)).collect(),
        current_load: view.current_load,
        capacity: view.capacity,
        limit: limit.cloned(),
        sample_age_seconds: view.sample_age.map(|age| age.as_secs_f64()),
        estimated_load: view.estimated_load,
        unseen_load: view.unseen_load,
        in_flight: view.in_flight,
        request_limit: view.request_limit,
        distrusted: view.is_distrusted,
        assigned_total: view.assigned_total,
        drain: view.rotation.drain.as_deref().map(drain),
        health: health(&view.rotation, view.can_scrape, now),
    }
}

fn feeder<'a>(view: &FeederView<'a>, limit: Option<&Limit>) -> FeederStatus<'a> {
    FeederStatus {
        name: view.name,
        parent: view.parent,
        state: view.state.name(),
        current_load: view.current_load,
        capacity: view.capacity,
        estimated_load: view.estimated_load,
        sample_age_seconds: view.sample_age.map(|age| age.as_secs_f64()),
        limit: limit.cloned(),
    }
}

/// Why a substation drains, to be shown.
pub(super) fn drain(drain: &switchyard_grid::Drain) -> Drain {
    Drain {
        by: drain.by.to_string(),
        at: drain.at,
        reason: drain.reason.as_deref().map(str::to_owned),
        local: drain.source == DrainSource::Local,
    }
}

fn health(rotation: &RotationView, can_scrape: bool, now: Moment) -> Health {
    let (stage, trial_in) = match rotation.stage {
        Stage::In => ("in", None),
        // An unreachable one has no trial: the first scrape that reaches it brings it back.
        Stage::Ejected(_) if rotation.is_unreachable => ("ejected", None),
        Stage::Ejected(until) => ("ejected", Some(until.since(now).as_secs_f64())),
        Stage::Trial => ("trial", None),
        Stage::Tried => ("tried", None),
    };
    Health {
        can_scrape,
        can_charge: rotation.is_in_rotation,
        stage,
        failures_in_a_row: rotation.failures,
        ejections: rotation.ejections,
        trial_in_seconds: trial_in,
        share: rotation.share,
        refuses_from: rotation.refuses.map(Load::units),
        draining: rotation.drain.is_some(),
    }
}
