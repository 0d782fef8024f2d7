//! What is left of substations that came and went.

use std::{sync::Weak, time::Duration};

use switchyard_balance::{Explanation, Load};
use switchyard_grid::{Clock, Substation};

use super::*;
use crate::dispatch::{Decision, Decisions};

const ROUNDS: usize = 10;
const AT_ONCE: usize = 200;

/// Names of their own for each round.
fn config(round: usize) -> Config {
    let listed = (0..AT_ONCE).map(|at| {
        let (high, low) = (at / 250, at % 250);
        format!("{{name: round{round}-{at}, address: 127.{round}.{high}.{low}:1}}")
    });
    let listed = listed.collect::<Vec<_>>().join(", ");
    Config::from_yaml(&format!("substations: [{listed}]"), "test").unwrap()
}

fn weak(grid: &Grid) -> Vec<Weak<Substation>> {
    grid.substations().iter().map(Arc::downgrade).collect()
}

#[test]
fn names_that_came_and_went_leave_nothing_on_the_page_and_nothing_in_memory() {
    let (metrics, accounts) = (Metrics::new().unwrap(), Accounts::default());
    let grid = Grid::new(&config(0), &metrics.grid, Clock::start(), 1).unwrap();
    let in_force = InForce::new(config(0), Arc::new(grid), &accounts);
    let decisions = Decisions::default();
    let (mut left, load) = (Vec::new(), Load::new(11.0).unwrap());
    let mut rng = fastrand::Rng::with_seed(1);
    let page = || String::from_utf8(metrics.render(&in_force.now().grid, &[]).unwrap()).unwrap();
    let names_of = |page: &str, round| page.matches(&format!("\"round{round}-")).count();
    for round in 1..=ROUNDS {
        // A record of a choice may be read long after its substations have left.
        let grid = &in_force.snapshot().grid;
        let explanation = Explanation::of(grid.roster(), &load.into());
        let choice = grid.selector().reserve(grid.roster(), load, &mut rng);
        let now = grid.clock().now();
        decisions.record(Arc::new(Decision::new(
            grid,
            now,
            load,
            &choice.unwrap(),
            explanation,
        )));
        left.extend(weak(grid));
        in_force
            .put_in_force(config(round), &metrics, &accounts, 1)
            .unwrap();
    }
    let now = Instant::now();
    let next = in_force.forget_departed(&metrics, now).unwrap();
    assert!(
        names_of(&page(), 0) > 0,
        "the next scrape sees what they did"
    );
    assert!(next <= now + Duration::from_mins(2));

    in_force.forget_departed(&metrics, now + Duration::from_mins(2));
    let shown = page();
    for round in 0..ROUNDS {
        assert_eq!(names_of(&shown, round), 0, "of round {round}");
    }
    assert!(names_of(&shown, ROUNDS) > AT_ONCE);
    assert!(
        left.iter().all(|one| one.strong_count() > 0),
        "their sessions may be asked for"
    );

    let kept_for = in_force.now().config.retry.keys_for;
    assert_eq!(in_force.forget_departed(&metrics, now + kept_for), None);
    assert!(left.iter().all(|one| one.strong_count() == 0));
    let recorded = decisions.last(1);
    assert!(
        recorded[0]
            .chosen
            .starts_with(&format!("round{}-", ROUNDS - 1))
    );
}

#[test]
fn a_substation_that_comes_back_is_on_the_page_again_with_what_it_had_counted() {
    let (metrics, accounts) = (Metrics::new().unwrap(), Accounts::default());
    let grid = Grid::new(&config(0), &metrics.grid, Clock::start(), 1).unwrap();
    let in_force = InForce::new(config(0), Arc::new(grid), &accounts);
    let count = || {
        let page = String::from_utf8(metrics.render(&in_force.now().grid, &[]).unwrap()).unwrap();
        let series = "switchyard_upstream_shared_total{substation=\"round0-7\"} ";
        let line = page.lines().find_map(|line| line.strip_prefix(series));
        line.map(|count| count.parse::<u64>().unwrap())
    };
    in_force.now().grid.substations()[7].metrics().shared.inc();
    assert_eq!(count(), Some(1));
    in_force
        .put_in_force(config(1), &metrics, &accounts, 1)
        .unwrap();
    assert_eq!(count(), Some(1), "late answers still count");
    in_force.forget_departed(&metrics, Instant::now() + Duration::from_mins(2));
    assert_eq!(count(), None);
    in_force
        .put_in_force(config(0), &metrics, &accounts, 1)
        .unwrap();
    assert_eq!(count(), Some(1));
    in_force.now().grid.substations()[7].metrics().shared.inc();
    assert_eq!(count(), Some(2));
}
