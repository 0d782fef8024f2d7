//! The verdict on various grids, word for word.

use super::*;
use crate::{Drain, balance::tests::substation, reload::Reload};

fn configuration() -> Configuration {
    Configuration {
        version: 3,
        since_unix_seconds: 0.0,
        policy: "least_load".into(),
        unit: "kW".into(),
        interval_seconds: 0.5,
        stale_after_seconds: 2.0,
        last_reload: None,
        program: "1.2.3".into(),
    }
}

fn judged(
    substations: &[Substation],
    traffic: &Traffic,
    change: impl FnOnce(&mut Facts<'_>),
) -> Verdict {
    with_feeders(&[], substations, traffic, change)
}

pub(super) fn with_feeders(
    feeders: &[Feeder],
    substations: &[Substation],
    traffic: &Traffic,
    change: impl FnOnce(&mut Facts<'_>),
) -> Verdict {
    let (balance, configuration) = (Balance::of(substations), configuration());
    let mut facts = Facts {
        substations,
        feeders,
        traffic,
        balance: &balance,
        configuration: &configuration,
        is_ready: true,
        is_stopping: false,
        is_panicking: false,
        is_store_down: false,
        prometheus_fault: None,
    };
    change(&mut facts);
    Verdict::of(&facts)
}

/// This many substations, the first `of_them` in that state.
pub(super) fn grid(all: usize, of_them: usize, state: &'static str) -> Vec<Substation> {
    let one = |at| substation(&format!("s{at}"), 50.0, Some(100.0));
    let mut all: Vec<_> = (1..=all).map(one).collect();
    for one in &mut all[..of_them] {
        one.state = state.into();
        one.in_rotation = !matches!(state, "down" | "ejected" | "draining");
        one.sample_age_seconds = Some(12.3);
    }
    all
}

fn sentence(substations: &[Substation]) -> (Level, String) {
    let verdict = judged(substations, &Traffic::default(), |_| {});
    (verdict.level, verdict.sentence)
}

#[test]
fn a_healthy_grid_says_so() {
    let said = sentence(&grid(3, 0, ""));
    assert_eq!(
        said,
        (Level::Healthy, "Healthy: no problems found.".to_owned())
    );
}

#[test]
fn unhealthy_substations_are_named_up_to_three() {
    for (all, of_them, state, level, text) in [
        (3, 1, "down", Level::Trouble, "s1 is unreachable."),
        (3, 2, "down", Level::Trouble, "s1 and s2 are unreachable."),
        (
            9,
            3,
            "ejected",
            Level::Trouble,
            "s1, s2 and s3 are ejected for failing.",
        ),
        (
            20,
            15,
            "draining",
            Level::Notice,
            "s1, s2, s3 and 12 more are draining: no new sessions.",
        ),
        (
            3,
            1,
            "stale",
            Level::Notice,
            "s1 is stale: no sample for 12 s; dispatch continues by the ledger.",
        ),
    ] {
        assert_eq!(
            sentence(&grid(all, of_them, state)),
            (level, text.to_owned())
        );
    }
}

#[test]
fn the_worst_finding_comes_first_and_the_rest_is_counted() {
    let mut grid = grid(3, 1, "draining");
    grid[2].state = "down".into();
    let verdict = judged(&grid, &Traffic::default(), |_| {});
    assert_eq!(verdict.sentence, "s3 is unreachable. And 1 more.");
    let levels: Vec<_> = verdict.findings.iter().map(|one| one.level).collect();
    assert_eq!(levels, [Level::Trouble, Level::Notice]);
}

#[test]
fn a_drain_says_why_if_all_say_the_same() {
    let mut grid = grid(3, 2, "draining");
    let drain = |reason: Option<&str>| Drain {
        by: "operator at 127.0.0.1".to_owned(),
        at: 0,
        reason: reason.map(str::to_owned),
        local: false,
    };
    let plain = "s1 and s2 are draining: no new sessions.";
    for (reasons, text) in [
        (
            [Some("new cable"); 2],
            "s1 and s2 are draining (new cable): no new sessions.",
        ),
        ([Some("new cable"), Some("other")], plain),
        ([Some("new cable"), None], plain),
        ([None; 2], plain),
    ] {
        for (one, reason) in grid.iter_mut().zip(reasons) {
            one.drain = Some(drain(reason));
        }
        assert_eq!(sentence(&grid), (Level::Notice, text.to_owned()));
    }
}

#[test]
fn a_store_that_can_t_be_asked_is_trouble() {
    let grid = grid(1, 0, "");
    let verdict = judged(&grid, &Traffic::default(), |facts| {
        facts.is_store_down = true;
    });
    assert_eq!(verdict.level, Level::Trouble);
    assert!(
        verdict
            .sentence
            .starts_with("The store of the fleet can't be asked"),
        "{verdict:?}"
    );
}

#[test]
fn a_prometheus_that_gives_nothing_is_trouble_and_says_why() {
    let grid = grid(1, 0, "");
    let verdict = judged(&grid, &Traffic::default(), |facts| {
        facts.prometheus_fault = Some("cannot connect: refused");
    });
    assert_eq!(verdict.level, Level::Trouble);
    assert_eq!(
        verdict.sentence,
        "Prometheus gives no load samples: cannot connect: refused. Dispatch continues by the ledgers."
    );
}

#[test]
fn an_empty_rotation_is_the_worst_finding() {
    let verdict = judged(&grid(2, 2, "draining"), &Traffic::default(), |_| {});
    assert_eq!(verdict.level, Level::Trouble);
    assert!(
        verdict.sentence.starts_with("No substation is in rotation"),
        "{verdict:?}"
    );
}

#[test]
fn failures_are_trouble_and_refusals_are_a_notice() {
    let traffic = |failed, refused| Traffic {
        per_second: Some(100.0),
        failed_per_second: Some(failed),
        refused_per_second: Some(refused),
        errors: vec![
            ("no_capacity".into(), refused),
            ("substation_failed".into(), failed),
        ],
        ..Traffic::default()
    };
    let say = |failed, refused| judged(&grid(3, 0, ""), &traffic(failed, refused), |_| {});
    assert_eq!(say(0.5, 0.0).level, Level::Healthy, "one in two hundred");
    let failing = say(5.0, 0.0);
    assert_eq!(failing.level, Level::Trouble);
    assert_eq!(
        failing.sentence,
        "5 % of requests fail (substation_failed)."
    );
    let refusing = say(0.0, 0.2);
    assert_eq!(refusing.level, Level::Notice);
    assert_eq!(
        refusing.sentence,
        "0.2 % of requests are refused (no_capacity)."
    );
}

#[test]
fn full_substations_and_uneven_load_are_a_notice() {
    let mut grid = grid(3, 0, "");
    grid[0].estimated_load = 99.0;
    assert_eq!(sentence(&grid).1, "s1 is at its capacity.");
    (grid[1].estimated_load, grid[2].estimated_load) = (10.0, 10.0);
    grid[0].estimated_load = 90.0;
    assert_eq!(
        sentence(&grid).1,
        "Load is uneven: the fullest substation is at 2.5 times the mean."
    );
}

#[test]
fn a_dead_substation_is_neither_full_nor_what_makes_load_uneven() {
    for state in ["down", "ejected", "draining"] {
        let mut grid = grid(3, 1, state);
        grid[0].estimated_load = 100.0;
        (grid[1].estimated_load, grid[2].estimated_load) = (20.0, 20.0);
        let verdict = judged(&grid, &Traffic::default(), |_| {});
        assert_eq!(verdict.findings.len(), 1, "{state}: {verdict:?}");
    }
}

#[test]
fn the_state_of_the_proxy_itself_is_a_finding() {
    let grid = grid(3, 0, "");
    let say = |change: &dyn Fn(&mut Facts<'_>)| judged(&grid, &Traffic::default(), change).sentence;
    assert!(say(&|facts| facts.is_stopping = true).starts_with("The proxy is stopping"));
    assert!(say(&|facts| facts.is_ready = false).starts_with("The first round of load samples"));
    assert!(say(&|facts| facts.is_panicking = true).starts_with("Panic mode"));
    let failed = Configuration {
        last_reload: Some(Reload {
            version: 1,
            needs_restart: Vec::new(),
            unix_seconds: 0.0,
            success: false,
            faults: vec!["listen: …".to_owned()],
            changes: Vec::new(),
        }),
        ..configuration()
    };
    let (balance, traffic) = (Balance::of(&grid), Traffic::default());
    let verdict = Verdict::of(&Facts {
        substations: &grid,
        feeders: &[],
        traffic: &traffic,
        balance: &balance,
        configuration: &failed,
        is_ready: true,
        is_stopping: false,
        is_panicking: false,
        is_store_down: false,
        prometheus_fault: None,
    });
    assert_eq!(
        verdict.sentence,
        "The last reload failed with 1 fault; version 3 stays in force."
    );
}
