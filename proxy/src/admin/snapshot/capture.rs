//! Captures the snapshot from the shared state.

use switchyard_grid::{
    Drain, DrainSource, FeederView, Moment, RotationView, Stage, SubstationView,
};
use switchyard_status::{
    Balance, Configuration, Facts, Feeder, Fleet, Reload, StatusSnapshot, Substation, Verdict,
    name_binding,
};

use super::traffic::RateWindow;
use crate::{
    admin::{decisions, status},
    dispatch::DispatchState,
    runtime::Runtime,
    snapshot::Snapshot,
};

/// How many choices a snapshot has: more than a person reads in a second.
const DECISIONS: usize = 8;

/// The proxy as it is now. `rates` remembers the earlier counters.
pub(in crate::admin) fn capture(
    runtime: &Runtime,
    dispatch: &DispatchState,
    rates: &mut RateWindow,
) -> StatusSnapshot {
    let in_force = runtime.snapshot();
    let grid = &*in_force.grid;
    let now = grid.clock().now();
    let limits = runtime.limits.all_in_force();
    let limit = |name: &str| limits.get(name).cloned();
    let views = grid.views();
    let mut substations: Vec<_> = views
        .map(|view| Substation {
            limit: limit(view.name),
            ..shown(&view, now)
        })
        .collect();
    let views = grid.feeder_views();
    let feeders: Vec<_> = views
        .map(|view| Feeder {
            limit: limit(view.name),
            ..feeder(&view)
        })
        .collect();
    if !feeders.is_empty() {
        name_binding(&mut substations, &feeders);
    }
    let mut traffic = rates.read(now, runtime.metrics.requests.totals());
    traffic.in_flight = runtime.in_flight.at_work();
    traffic.waiting = dispatch.waiting();
    traffic.connections = runtime.in_flight.connections();
    let balance = Balance::of(&substations);
    let configuration = configuration(&in_force, runtime.last_reload());
    let fleet = runtime.fleet.status();
    let prometheus_fault = grid.queries().and_then(|queries| queries.fault);
    let verdict = Verdict::of(&Facts {
        substations: &substations,
        feeders: &feeders,
        traffic: &traffic,
        balance: &balance,
        configuration: &configuration,
        is_ready: grid.is_ready(),
        is_stopping: runtime.in_flight.is_leaving(),
        is_panicking: grid.is_panicking(),
        is_store_down: fleet.as_ref().is_some_and(Fleet::is_down),
        prometheus_fault: prometheus_fault.as_deref(),
    });
    StatusSnapshot {
        unix_seconds: grid.clock().unix_seconds(now),
        verdict,
        traffic,
        balance,
        substations,
        feeders,
        decisions: decisions::last(&dispatch.decisions, DECISIONS),
        configuration,
        fleet,
    }
}

fn shown(view: &SubstationView<'_>, now: Moment) -> Substation {
    Substation {
        name: view.name.to_owned(),
        address: view.address.to_string(),
        state: view.state.name().into(),
        in_rotation: view.rotation.is_in_rotation,
        current_load: view.current_load,
        capacity: view.capacity,
        estimated_load: view.estimated_load,
        unseen_load: view.unseen_load,
        sample_age_seconds: view.sample_age.map(|age| age.as_secs_f64()),
        in_flight: view.in_flight,
        assigned_total: view.assigned_total,
        distrusted: view.is_distrusted,
        drain: view.rotation.drain.as_deref().map(status::drain),
        feeder: view.feeder.map(str::to_owned),
        binding: None,
        limit: None,
        note: note(&view.rotation, now)
            .or_else(|| view.is_distrusted.then(|| "gauge distrusted".to_owned())),
    }
}

fn feeder(view: &FeederView<'_>) -> Feeder {
    Feeder {
        name: view.name.to_owned(),
        parent: view.parent.map(str::to_owned),
        state: view.state.name().into(),
        current_load: view.current_load,
        capacity: view.capacity,
        estimated_load: view.estimated_load,
        sample_age_seconds: view.sample_age.map(|age| age.as_secs_f64()),
        limit: None,
    }
}

/// What a person should know about a substation beyond its state.
fn note(view: &RotationView, now: Moment) -> Option<String> {
    if let Some(drain) = &view.drain {
        // Nothing else matters until it is undrained.
        return Some(drained(drain));
    }
    if view.is_unreachable {
        return Some("back with the first scrape that reaches it".to_owned());
    }
    if let Stage::Ejected(until) = view.stage {
        // Rounded up: as long as it lasts, it lasts longer than 0 s.
        let seconds = until.since(now).as_secs_f64().ceil();
        return Some(if seconds > 0.0 {
            format!("trial due in {seconds:.0} s")
        } else {
            "trial due after the next scrape".to_owned()
        });
    }
    if matches!(view.stage, Stage::Trial | Stage::Tried) {
        return Some("on trial: one request decides".to_owned());
    }
    if let Some(load) = view.refuses {
        return Some(format!("refuses loads of {} or more", load.units()));
    }
    (view.share < 1.0).then(|| format!("slow start: {:.0} % of its share", view.share * 100.0))
}

/// Who drains it and why.
fn drained(drain: &Drain) -> String {
    let here = if drain.source == DrainSource::Local {
        ", at this proxy"
    } else {
        ""
    };
    match &drain.reason {
        Some(reason) => format!("{reason} (drained by {}{here})", drain.by),
        None => format!("drained by {}{here}", drain.by),
    }
}

fn configuration(in_force: &Snapshot, last_reload: Option<Reload>) -> Configuration {
    let config = &in_force.config;
    Configuration {
        version: in_force.version,
        since_unix_seconds: in_force.grid.clock().unix_seconds(in_force.since),
        policy: in_force.grid.selector().policy().name().into(),
        unit: in_force.unit().into(),
        interval_seconds: config.load.interval().as_secs_f64(),
        stale_after_seconds: in_force.grid.stale_after().as_secs_f64(),
        last_reload,
        program: env!("CARGO_PKG_VERSION").into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn view(stage: Stage) -> RotationView {
        RotationView {
            stage,
            is_in_rotation: matches!(stage, Stage::In | Stage::Trial),
            drain: None,
            is_unreachable: false,
            failures: 0,
            ejections: 0,
            share: 1.0,
            refuses: None,
        }
    }

    #[test]
    fn a_note_never_promises_a_trial_in_0_s() {
        let until = Moment::from_millis(60_000);
        let ejected = view(Stage::Ejected(until));
        let said =
            |view: &RotationView, now| note(view, Moment::from_millis(now)).unwrap_or_default();
        for (now, words) in [
            (55_500, "trial due in 5 s"),
            (59_999, "trial due in 1 s"),
            (60_000, "trial due after the next scrape"),
            (90_000, "trial due after the next scrape"),
        ] {
            assert_eq!(said(&ejected, now), words, "{now}");
        }
        let unreachable = RotationView {
            is_unreachable: true,
            ..ejected
        };
        for now in [1_000, 90_000] {
            assert_eq!(
                said(&unreachable, now),
                "back with the first scrape that reaches it"
            );
        }
        for stage in [Stage::Ejected(until), Stage::Trial, Stage::Tried] {
            let drain = Drain {
                source: DrainSource::Fleet,
                by: "operator at 10.0.0.1 through a:9901".into(),
                at: 0,
                reason: None,
            };
            let drained = |drain| RotationView {
                drain: Some(Arc::new(drain)),
                ..view(stage)
            };
            // No trial comes while it is drained.
            assert_eq!(
                said(&drained(drain.clone()), 1_000),
                "drained by operator at 10.0.0.1 through a:9901"
            );
            let local = Drain {
                source: DrainSource::Local,
                by: "operator at 10.0.0.1".into(),
                reason: Some("new cable".into()),
                ..drain
            };
            assert_eq!(
                said(&drained(local), 1_000),
                "new cable (drained by operator at 10.0.0.1, at this proxy)"
            );
        }
    }
}
