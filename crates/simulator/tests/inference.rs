//! A fleet of inference servers: long-tailed answers, servers that slow down as they fill, gauges of what runs and waits.

#![allow(
    clippy::panic,
    reason = "a test's helpers fail as the test does, and clippy knows only the functions marked as tests"
)]

use std::time::Duration;

use switchyard_balance::Policy;
use switchyard_simulator::trial::over_seeds;
use switchyard_simulator::{Contender, Scenario, Simulation, catalogue};

const OURS: Contender = Contender::Ledger(Policy::LeastLoad);
const ROUND_ROBIN: Contender = Contender::Ledger(Policy::RoundRobin);

fn named(name: &str) -> Scenario {
    let found = catalogue::named(name);
    found.unwrap_or_else(|| panic!("there is no scenario {name}"))
}

fn average(scenario: &Scenario, contender: Contender) -> f64 {
    over_seeds(scenario, contender, 1, 5).average
}

/// With one proxy that all requests go through, the fewest requests in flight are the truth, and nothing can be better.
#[test]
fn one_proxy_is_as_even_as_the_truth_and_better_than_what_does_not_look_at_all() {
    for name in ["inference", "inference_slow_poll"] {
        let scenario = named(name);
        let ours = average(&scenario, OURS);
        let oracle = average(&scenario, Contender::Oracle);
        assert!(ours <= 1.005 * oracle, "{name}: {ours}, oracle {oracle}");
        for rival in [ROUND_ROBIN, Contender::LeastRequest] {
            let theirs = average(&scenario, rival);
            assert!(
                ours < theirs,
                "{name}, {}: {ours} and {theirs}",
                rival.name()
            );
        }
    }
}

#[test]
fn it_is_more_even_than_each_rival_before_one_four_and_sixteen_proxies() {
    for name in [
        "inference_past",
        "inference_of_four",
        "inference_of_sixteen",
        "inference_slow_poll_of_four",
        "inference_slow_poll_of_sixteen",
    ] {
        let scenario = named(name);
        let ours = average(&scenario, OURS);
        for rival in [
            Contender::LeastConnections,
            ROUND_ROBIN,
            Contender::LeastRequest,
        ] {
            let theirs = average(&scenario, rival);
            assert!(
                ours < theirs,
                "{name}, {}: {ours} and {theirs}",
                rival.name()
            );
        }
    }
}

#[test]
fn ledgers_wait_for_what_is_served_and_nothing_is_left() {
    for contender in [OURS, Contender::LeastConnections] {
        let scenario = Scenario {
            warm_up: Duration::ZERO,
            measured: Duration::from_secs(10),
            ..named("inference_past")
        };
        let mut simulation = Simulation::new(&scenario, contender, 1);
        let mut events = 0_u32;
        while simulation.step() {
            events += 1;
            if events.is_multiple_of(50) {
                simulation.check().unwrap();
            }
        }
        simulation.check_rest().unwrap();
    }
}
