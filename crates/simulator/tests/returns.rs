//! Cars that come back when they are told to: they find room, and don't come in waves.

use switchyard_balance::Policy;
use switchyard_simulator::trial::over_seeds;
use switchyard_simulator::{Contender, Scenario, catalogue};

const LEAST_LOAD: Contender = Contender::Ledger(Policy::LeastLoad);

#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
fn share(part: u64, all: u64) -> f64 {
    part as f64 / all.max(1) as f64
}

#[test]
fn cars_that_come_back_when_they_are_told_find_room_and_come_evenly() {
    for scenario in catalogue::overloaded() {
        let outcome = over_seeds(&scenario, LEAST_LOAD, 1, 1);
        let (name, found) = (scenario.name, share(outcome.found_room, outcome.came_back));
        assert!(outcome.came_back > 1_000, "{name}: {outcome:?}");
        assert!(found >= 0.9, "{name}: {found} {outcome:?}");
        assert!(outcome.wave <= 1.3, "{name}: {outcome:?}");
    }
}

#[test]
fn two_proxies_promise_each_its_part_of_the_room() {
    for scenario in catalogue::overloaded() {
        let scenario = Scenario {
            shares: vec![1.0; 2],
            ..scenario
        };
        let outcome = over_seeds(&scenario, LEAST_LOAD, 1, 1);
        let (name, found) = (scenario.name, share(outcome.found_room, outcome.came_back));
        assert!(found >= 0.9, "{name}: {found} {outcome:?}");
    }
}
