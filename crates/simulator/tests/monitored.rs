//! Gauges that come from a monitoring system, which reads them every 15 s: what is booked between two readings.

#![allow(
    clippy::panic,
    reason = "a test's helpers fail as the test does, and clippy knows only the functions marked as tests"
)]

use std::time::Duration;

use switchyard_balance::Policy;
use switchyard_simulator::scenario::{Burst, Monitored, Sessions, Spread};
use switchyard_simulator::trial::over_seeds;
use switchyard_simulator::{Contender, Scenario, Simulation, catalogue};

const OURS: Contender = Contender::Ledger(Policy::LeastLoad);

fn named(name: &str) -> Scenario {
    let found = catalogue::named(name);
    found.unwrap_or_else(|| panic!("there is no scenario {name}"))
}

#[test]
fn sessions_of_an_hour_are_even_within_a_hundredth() {
    for name in ["monitored", "monitored_for_four"] {
        let found = over_seeds(&named(name), OURS, 1, 2);
        assert!(found.average <= 1.01, "{name}: {}", found.average);
        assert!(found.peak <= 1.02, "{name}: {}", found.peak);
    }
}

/// A burst into an empty fleet that is over before the next reading of any gauge.
fn burst(count: u32) -> Scenario {
    let (at, base) = (Duration::from_secs(100), named("monitored"));
    Scenario {
        rate: 0.001,
        burst: Some(Burst {
            count,
            at,
            within: Duration::from_millis(500),
        }),
        warm_up: at,
        measured: Duration::from_secs(20),
        // None ends meanwhile.
        sessions: Sessions {
            spread: Spread::Fixed,
            ..base.sessions
        },
        ..base
    }
}

#[test]
fn a_burst_between_two_readings_is_even_within_a_request() {
    for seed in 1..20 {
        let mut simulation = Simulation::new(&burst(1_003), OURS, seed);
        let end = Duration::from_millis(100_700);
        while simulation.now() < end && simulation.step() {}
        let loads: Vec<_> = simulation
            .fleet()
            .iter()
            .map(|one| one.load().units())
            .collect();
        let most = loads.iter().copied().fold(0.0, f64::max);
        let least = loads.iter().copied().fold(f64::MAX, f64::min);
        assert!(most - least <= 1.0, "seed {seed}: {loads:?}");
    }
}

/// A fleet that is full after a while, with a clock that is wrong within what is allowed for.
fn filling(ahead: Duration, max_skew: Duration) -> Scenario {
    Scenario {
        headroom: 0.5,
        rate: 20.0,
        monitored: Some(Monitored {
            interval: Duration::from_secs(15),
            ahead,
            max_skew,
        }),
        warm_up: Duration::from_mins(30),
        measured: Duration::from_hours(1),
        ..named("monitored")
    }
}

#[test]
fn a_skew_that_is_allowed_for_never_exceeds_a_capacity() {
    for ahead in [0, 1, 2] {
        let ahead = Duration::from_secs(ahead);
        let mut simulation = Simulation::new(&filling(ahead, Duration::from_secs(2)), OURS, 1);
        let mut fullest: f64 = 0.0;
        while simulation.now() < Duration::from_mins(80) && simulation.step() {
            for one in simulation.fleet().iter() {
                fullest = fullest.max(one.load_with_incoming().units() / one.capacity().units());
            }
        }
        assert!(simulation.refused() > 100, "it was full");
        assert!(fullest <= 1.0 + 1e-9, "{ahead:?}: {fullest}");
        assert!(fullest > 0.99, "{ahead:?}: {fullest}");
    }
}
