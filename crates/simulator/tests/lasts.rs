//! Substations that hold a request as long as its load lasts: what a proxy knows exactly, and what it has to learn.

#![allow(
    clippy::panic,
    reason = "a test's helpers fail as the test does, and clippy knows only the functions marked as tests"
)]

use std::time::Duration;

use switchyard_balance::{Lasts, Policy};
use switchyard_simulator::scenario::{Poll, Sessions, Spread};
use switchyard_simulator::trial::over_seeds;
use switchyard_simulator::{Contender, Scenario, Simulation, catalogue};

const AUTO: Contender = Contender::Ledger(Policy::LeastLoad);

fn named(name: &str) -> Scenario {
    let found = catalogue::named(name);
    found.unwrap_or_else(|| panic!("there is no scenario {name}"))
}

fn polled(scenario: &Scenario, millis: u64) -> Scenario {
    Scenario {
        poll: Poll {
            interval: Duration::from_millis(millis),
            ..scenario.poll
        },
        measured: Duration::from_secs(30),
        ..scenario.clone()
    }
}

/// Whether it is told how long loads last or learns it, `least_load` is at most so many times as uneven as the least
/// connections.
fn as_even_as_by_least_connections(scenario: &Scenario, times: f64, about: &str) {
    let peer = over_seeds(scenario, Contender::LeastConnections, 1, 5).average;
    for contender in [Contender::Told, AUTO] {
        let ours = over_seeds(scenario, contender, 1, 5).average;
        assert!(
            ours <= times * peer,
            "{about}, {}: {ours} and {peer}",
            contender.name()
        );
    }
}

#[test]
fn held_requests_are_as_even_as_by_least_connections() {
    for name in ["held", "held_by_eight"] {
        for millis in [100, 500, 1000] {
            let scenario = polled(&named(name), millis);
            as_even_as_by_least_connections(&scenario, 1.01, &format!("{name}, poll {millis} ms"));
        }
    }
}

#[test]
fn several_proxies_share_held_requests() {
    for millis in [100, 500, 1000] {
        for proxies in [2, 4] {
            let base = polled(&named("held_for_four"), millis);
            let scenario = Scenario {
                shares: vec![1.0; proxies],
                // Time to learn: other proxies' requests hide what an own one does.
                warm_up: Duration::from_millis(60 * millis).max(Duration::from_secs(30)),
                ..base
            };
            as_even_as_by_least_connections(
                &scenario,
                1.02,
                &format!("{proxies} proxies, poll {millis} ms"),
            );
        }
    }
}

#[test]
fn nothing_is_refused_while_there_is_room() {
    for substations in [3, 8] {
        for millis in [100, 500, 1000] {
            let base = polled(&named("held_nearly_full"), millis);
            let scenario = Scenario {
                capacities: vec![1.0; substations],
                // 95 % in use, and random arrivals never fill the rest.
                headroom: 1.0 / 0.95,
                rate: 3000.0,
                warm_up: Duration::ZERO,
                measured: Duration::from_secs(20),
                ..base
            };
            for contender in [Contender::Told, AUTO, Contender::LeastConnections] {
                let mut simulation = Simulation::new(&scenario, contender, 1);
                let mut before = 0;
                // It takes two sessions for the load to build up; five polls later all must be known.
                let from = Duration::from_secs(4) + scenario.poll.interval * 5;
                while simulation.now() < scenario.end() && simulation.step() {
                    if simulation.now() < from {
                        before = simulation.refused();
                    }
                }
                assert_eq!(
                    simulation.refused() - before,
                    0,
                    "{substations} substations, poll {millis} ms, {}, {before} before",
                    contender.name()
                );
            }
        }
    }
}

#[test]
fn answers_of_very_different_length_stay_even() {
    for millis in [100, 500, 1000] {
        let base = polled(&named("held"), millis);
        let scenario = Scenario {
            sessions: Sessions {
                mean: Duration::from_millis(800),
                spread: Spread::Exponential,
            },
            powers: vec![1.0, 2.0, 4.0],
            rate: 100.0,
            ..base
        };
        as_even_as_by_least_connections(&scenario, 1.02, &format!("poll {millis} ms"));
    }
}

#[test]
fn sessions_that_outlive_their_answers_are_never_taken_for_others() {
    let sessions = catalogue::all()
        .into_iter()
        .filter(|scenario| scenario.lasts == Lasts::Session);
    for scenario in sessions {
        // Answers of 100 ms too: many requests are under way then, as with held ones.
        for answer in [scenario.answer, Duration::from_millis(100)] {
            let scenario = Scenario {
                answer,
                measured: Duration::from_secs(20),
                ..scenario.clone()
            };
            let auto = over_seeds(&scenario, AUTO, 1, 2);
            let told = over_seeds(&scenario, Contender::Told, 1, 2);
            assert!(
                (auto.average - told.average).abs() < 1e-9,
                "{}, answers of {answer:?}: {auto:?} and {told:?}",
                scenario.name
            );
            assert_eq!(auto.refused, told.refused, "{}", scenario.name);
        }
    }
}
