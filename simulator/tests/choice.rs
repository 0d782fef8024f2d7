//! What the choice must reach, on the code that the proxy runs.

use std::time::Duration;

use switchyard_balance::Policy;
use switchyard_simulator::scenario::{Burst, Poll, Sessions, Spread};
use switchyard_simulator::trial::several;
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
    several(scenario, contender, 1, 3).average
}

#[test]
fn alone_it_is_within_two_per_cent_of_the_oracle() {
    // A twentieth of the mean session of 5 s, and less.
    for millis in [50, 100, 250] {
        let scenario = polled(Duration::from_millis(millis));
        let ours = average(&scenario, LEAST_LOAD);
        let best = average(&scenario, Contender::Oracle);
        assert!(ours <= 1.02 * best, "poll {millis} ms: {ours} and {best}");
    }
}

#[test]
fn alone_nobody_beats_the_oracle() {
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
fn what_peers_do_herds() {
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
fn a_burst_that_a_round_runs_into_ends_within_three_requests_of_even() {
    let second = Duration::from_secs(1);
    let middle = second * 3 / 2;
    let spread = |contender, seed| spread_after_burst(contender, seed, second * 2, middle, second);
    for seed in 0..20 {
        let ours = spread(LEAST_LOAD, seed);
        assert!(ours <= 3.0, "seed {seed}: {ours} apart");
        let theirs = spread(Contender::RawGaugeInFlight, seed);
        assert!(theirs > 100.0, "seed {seed}: {theirs} apart");
    }
}

/// How far apart the loads are after a thousand requests that all stay. They come `within` a time, and the
/// first comes `after` a round of scrapes has begun.
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
    // Where nothing else happens, the first thing to happen is the first round.
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
