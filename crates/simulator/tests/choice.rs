//! How even the policies must keep the load, on the code that the proxy runs.

#![allow(
    clippy::panic,
    reason = "a test's helpers fail as the test does, and clippy knows only the functions marked as tests"
)]

use std::time::Duration;

use switchyard_balance::Policy;
use switchyard_simulator::scenario::{Burst, Fault, Poll, Sessions, Spread};
use switchyard_simulator::trial::over_seeds;
use switchyard_simulator::{Contender, Scenario, Simulation, catalogue};

const LEAST_LOAD: Contender = Contender::Ledger(Policy::LeastLoad);

/// A third of the catalogue's measurement: enough for an average, and quick.
fn short(scenario: Scenario) -> Scenario {
    Scenario {
        measured: Duration::from_secs(20),
        ..scenario
    }
}

fn polled(interval: Duration) -> Scenario {
    let base = short(catalogue::one_proxy());
    Scenario {
        poll: Poll {
            interval,
            ..base.poll
        },
        ..base
    }
}

fn average(scenario: &Scenario, contender: Contender) -> f64 {
    over_seeds(scenario, contender, 1, 3).average
}

#[test]
fn a_single_proxy_is_within_two_percent_of_the_oracle() {
    // A twentieth of the mean session of 5 s, and less.
    for millis in [50, 100, 250] {
        let scenario = polled(Duration::from_millis(millis));
        let ours = average(&scenario, LEAST_LOAD);
        let best = average(&scenario, Contender::Oracle);
        assert!(ours <= 1.02 * best, "poll {millis} ms: {ours} and {best}");
    }
}

#[test]
fn with_a_single_proxy_no_contender_beats_the_oracle() {
    let scenario = polled(Duration::from_millis(250));
    let best = average(&scenario, Contender::Oracle);
    for contender in Contender::ALL {
        assert!(
            average(&scenario, contender) >= best,
            "{}",
            contender.name()
        );
    }
}

#[test]
fn the_policies_of_other_proxies_herd() {
    for millis in [250, 500, 5000] {
        let scenario = polled(Duration::from_millis(millis));
        let ours = average(&scenario, LEAST_LOAD) - 1.0;
        for peer in [Contender::RawGauge, Contender::RawGaugeInFlight] {
            let theirs = average(&scenario, peer) - 1.0;
            assert!(
                theirs > 10.0 * ours,
                "poll {millis} ms: {theirs} and {ours}"
            );
        }
    }
}

#[test]
fn a_burst_within_one_interval_ends_within_one_request_of_even() {
    for millis in [100, 500, 2000, 15_000] {
        let interval = Duration::from_millis(millis);
        for seed in 0..20 {
            let spread =
                spread_after_burst(LEAST_LOAD, seed, interval, interval / 10, interval / 20);
            assert!(
                spread <= 1.0,
                "poll {interval:?}, seed {seed}: {spread} apart"
            );
        }
    }
}

#[test]
fn a_burst_that_a_round_runs_into_ends_within_one_request_of_even_too() {
    let second = Duration::from_secs(1);
    // Up to 50,000 requests a second, with a round in the middle.
    for within in [second, second / 10, second / 50] {
        let before = (second * 2).saturating_sub(within / 2);
        let spread =
            |contender, seed| spread_after_burst(contender, seed, second * 2, before, within);
        for seed in 0..20 {
            let ours = spread(LEAST_LOAD, seed);
            assert!(ours <= 1.0, "{within:?}, seed {seed}: {ours} apart");
            let theirs = spread(Contender::RawGaugeInFlight, seed);
            assert!(
                theirs > 10.0,
                "{within:?}, seed {seed}: theirs {theirs} apart"
            );
        }
    }
}

#[test]
fn a_round_that_begins_within_a_quarter_of_its_interval_stays_as_even() {
    for name in ["one_proxy", "four_proxies", "sixteen_proxies", "held"] {
        let at_once = named(name);
        let in_turn = Scenario {
            poll: Poll {
                spread: 0.25,
                ..at_once.poll
            },
            ..at_once.clone()
        };
        let before = over_seeds(&at_once, LEAST_LOAD, 1, 3).average;
        let after = over_seeds(&in_turn, LEAST_LOAD, 1, 3).average;
        assert!(after <= before + 0.005, "{name}: {after} after {before}");
    }
}

/// A scenario of the catalogue.
fn named(name: &str) -> Scenario {
    let found = catalogue::named(name);
    found.unwrap_or_else(|| panic!("there is no scenario {name}"))
}

#[test]
fn several_proxies_fill_a_gap_once() {
    for (name, average, peak) in [
        ("four_proxies", 1.02, 1.08),
        ("sixteen_proxies", 1.02, 1.08),
        ("unequal_shares", 1.03, 1.08),
        ("unequal_capacities", 1.03, 1.12),
        ("capacities_of_sixteen", 1.03, 1.12),
    ] {
        let ours = over_seeds(&named(name), LEAST_LOAD, 1, 5);
        assert!(ours.average <= average, "{name}: {ours:?}");
        assert!(ours.peak <= peak, "{name}: {ours:?}");
    }
}

#[test]
fn several_proxies_are_no_worse_than_the_plain_ledger_or_power_of_two() {
    for name in ["four_proxies", "sixteen_proxies", "unequal_shares"] {
        let scenario = short(named(name));
        let ours = over_seeds(&scenario, LEAST_LOAD, 1, 10).average;
        for other in [
            Contender::PlainLedger,
            Contender::Ledger(Policy::PowerOfTwo),
        ] {
            let theirs = over_seeds(&scenario, other, 1, 10).average;
            assert!(
                ours <= theirs,
                "{name}: {ours}, and {} {theirs}",
                other.name()
            );
        }
    }
}

#[test]
fn a_large_gap_is_not_overshot() {
    for name in ["emptied", "emptied_of_sixteen"] {
        let scenario = named(name);
        let ours = over_seeds(&scenario, LEAST_LOAD, 1, 10);
        // No policy can avoid this: the mean falls at that moment, and the other substations are
        // above it.
        let best = over_seeds(&scenario, Contender::Oracle, 1, 10);
        assert!(
            ours.peak <= best.peak + 0.03,
            "{name}: {ours:?} and {best:?}"
        );
        let plain = over_seeds(&scenario, Contender::PlainLedger, 1, 10);
        assert!(plain.peak > best.peak + 0.1, "{name}: {plain:?}");
    }
}

#[test]
fn substations_with_dead_gauges_are_neither_starved_nor_flooded() {
    for name in ["dead_gauges", "dead_gauges_of_four"] {
        let ours = over_seeds(&named(name), LEAST_LOAD, 1, 5);
        assert!(ours.average <= 1.1, "{name}: {ours:?}");
        assert!(
            ours.peak <= 1.2,
            "{name}, when they had been dead for 10 s: {ours:?}"
        );
    }
}

#[test]
fn after_a_change_of_proxies_five_polls_restore_an_even_load() {
    let at = Duration::from_mins(1);
    for (before, after) in [
        ([7.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 7.0]),
        ([1.0; 4], [1.0, 0.0, 0.0, 0.0]),
        ([1.0, 0.0, 0.0, 0.0], [1.0; 4]),
        ([1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]),
    ] {
        let base = catalogue::one_proxy();
        let scenario = Scenario {
            shares: before.to_vec(),
            faults: vec![Fault::Shares {
                at,
                shares: after.to_vec(),
            }],
            warm_up: at + base.poll.interval * 5,
            measured: Duration::from_secs(10),
            ..base
        };
        let ours = over_seeds(&scenario, LEAST_LOAD, 1, 10);
        assert!(ours.average <= 1.02, "{before:?} to {after:?}: {ours:?}");
        assert!(ours.peak <= 1.08, "{before:?} to {after:?}: {ours:?}");
    }
}

#[test]
fn substations_that_leave_and_rejoin_are_neither_flooded_nor_starved() {
    let scenario = Scenario {
        // From a second after they are back.
        warm_up: Duration::from_secs(51),
        measured: Duration::from_secs(20),
        ..named("leave_and_rejoin")
    };
    let ours = over_seeds(&scenario, LEAST_LOAD, 1, 5);
    let best = over_seeds(&scenario, Contender::Oracle, 1, 5);
    assert!(ours.average <= best.average + 0.02, "{ours:?} and {best:?}");
    assert!(ours.peak <= best.peak + 0.05, "{ours:?} and {best:?}");
}

/// Half of all capacity is in use: a thousandth of one substation's is one car in five hundred.
#[test]
fn a_tolerance_costs_as_much_evenness_as_it_says() {
    let with = |tolerance| {
        let scenario = Scenario {
            tolerance,
            headroom: 2.0,
            ..short(catalogue::one_proxy())
        };
        average(&scenario, LEAST_LOAD)
    };
    let exact = with(0.0);
    let (thousandth, hundredth) = (with(0.001), with(0.01));
    // Twice the tolerance, as the fleet's utilisation is one half.
    assert!(thousandth <= exact + 0.003, "{thousandth} and {exact}");
    assert!(hundredth <= exact + 0.021, "{hundredth} and {exact}");
    assert!(hundredth > exact, "it was in force");
}

/// The spread of the loads after a thousand requests whose sessions all stay. They come within the
/// time `within`, and the first comes the time `after` the start of a round of scrapes.
fn spread_after_burst(
    contender: Contender,
    seed: u64,
    interval: Duration,
    after: Duration,
    within: Duration,
) -> f64 {
    let base = catalogue::one_proxy();
    let quiet = Scenario {
        rate: 0.0,
        sessions: Sessions {
            mean: Duration::from_hours(1),
            spread: Spread::Fixed,
        },
        poll: Poll {
            interval,
            jitter: 0.0,
            ..base.poll
        },
        warm_up: Duration::ZERO,
        measured: interval * 6,
        ..base
    };
    // Without arrivals, the first event is the first round.
    let mut rounds = Simulation::new(&quiet, contender, seed);
    assert!(rounds.step());
    let burst = Burst {
        count: 1000,
        at: rounds.now() + interval * 2 + after,
        within,
    };
    let scenario = Scenario {
        burst: Some(burst),
        ..quiet
    };
    let mut simulation = Simulation::new(&scenario, contender, seed);
    // Past the last booking.
    let settled = burst.at + burst.within + Duration::from_millis(10);
    while simulation.now() < settled && simulation.step() {}
    simulation.spread()
}
