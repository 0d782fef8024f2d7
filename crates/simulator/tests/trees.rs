//! Substations below feeders: how full the fullest level gets, and what is booked beyond a limit.

#![allow(
    clippy::panic,
    reason = "a test's helpers fail as the test does, and clippy knows only the functions marked as tests"
)]

use switchyard_balance::Policy;
use switchyard_simulator::trial::over_seeds;
use switchyard_simulator::{Contender, Outcome, Scenario, catalogue};

const LEAST_LOAD: Contender = Contender::Ledger(Policy::LeastLoad);

/// Ours, and the oracle's.
fn both(name: &str, seeds: u32) -> (Outcome, Outcome) {
    let scenario = named(name);
    let run = |contender| over_seeds(&scenario, contender, 1, seeds);
    (run(LEAST_LOAD), run(Contender::Oracle))
}

fn named(name: &str) -> Scenario {
    let found = catalogue::named(name);
    found.unwrap_or_else(|| panic!("there is no scenario {name}"))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// What every scenario with feeders must keep. With more cars than there is room for, an oracle books small cars above
/// all, so the counts say nothing there.
fn keeps_its_limits(scenario: &Scenario, seeds: u32) {
    let name = scenario.name;
    let (ours, best) = both(name, seeds);
    let is_over = name.starts_with("tree_over");
    let is_alone = scenario.shares.len() == 1;
    assert_eq!(best.booked_beyond, 0, "{name}: the oracle itself");
    if is_alone {
        assert_eq!(ours.booked_beyond, 0, "{name}: {ours:?}");
    }
    if is_alone || !is_over {
        assert!(
            ours.binding_peak <= 1.03 * best.binding_peak,
            "{name}: {ours:?} and {best:?}"
        );
    } else {
        // See docs/grid.md for the margin that follows.
        assert!(ours.beyond <= 0.05, "{name}: {ours:?}");
    }
    let is_limited = name.starts_with("tree_limit");
    if !is_over && !is_limited {
        let booked = ratio(ours.booked, best.booked);
        assert!(booked >= 0.97, "{name}: {booked}");
    }
}

#[test]
fn one_proxy_fills_the_fullest_level_as_an_oracle_does_and_never_beyond_a_limit() {
    for name in [
        "tree",
        "tree_full",
        "tree_houses_full",
        "tree_limit_full",
        "tree_over",
    ] {
        keeps_its_limits(&named(name), 1);
    }
}

#[test]
fn several_proxies_fill_the_fullest_level_hardly_more_than_an_oracle_does() {
    for name in [
        "tree_of_four",
        "tree_full_of_sixteen",
        "tree_houses_of_four",
        "tree_houses_full_of_four",
        "tree_limit_of_four",
        "tree_over_of_sixteen",
    ] {
        keeps_its_limits(&named(name), 1);
    }
}

#[test]
fn who_does_not_know_the_feeders_goes_far_beyond_them() {
    let blind = over_seeds(&named("tree_full"), Contender::RawGauge, 1, 1);
    assert!(blind.beyond > 0.2, "{blind:?}");
    assert!(ratio(blind.booked_beyond, blind.booked) > 0.1, "{blind:?}");
}

#[test]
#[ignore = "takes minutes"]
fn every_scenario_with_feeders_keeps_its_limits_over_several_seeds() {
    for scenario in catalogue::trees() {
        let seeds = if scenario.capacities.len() > 100 {
            1
        } else {
            5
        };
        keeps_its_limits(&scenario, seeds);
    }
}
