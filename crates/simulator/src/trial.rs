//! All contenders in a scenario, over several seeds.

use crate::contender::Contender;
use crate::outcome::Outcome;
use crate::scenario::Scenario;
use crate::simulation::Simulation;

/// The outcomes of all contenders in one scenario.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The scenario.
    pub scenario: Scenario,
    /// The contenders in their order, each with the mean of its averages and the worst of its
    /// peaks.
    pub outcomes: Vec<(Contender, Outcome)>,
}

impl Trial {
    /// Runs `seeds` simulations for each contender, with the seeds `seed`, `seed + 1` and so on.
    #[must_use]
    pub fn run(scenario: &Scenario, seed: u64, seeds: u32) -> Self {
        let outcome = |contender| (contender, over_seeds(scenario, contender, seed, seeds));
        Self {
            scenario: scenario.clone(),
            outcomes: Contender::ALL.into_iter().map(outcome).collect(),
        }
    }
}

/// Runs one contender over several seeds.
#[must_use]
pub fn over_seeds(scenario: &Scenario, contender: Contender, seed: u64, seeds: u32) -> Outcome {
    let mut together = Outcome {
        average: 0.0,
        peak: 1.0,
        requests: 0,
        refused: 0,
        came_back: 0,
        found_room: 0,
        wave: 0.0,
        binding: 0.0,
        binding_peak: 0.0,
        booked: 0,
        booked_beyond: 0,
        beyond: 0.0,
    };
    for number in 0..seeds {
        let seed = seed.wrapping_add(number.into());
        let one = Simulation::new(scenario, contender, seed).run();
        together.average += one.average / f64::from(seeds);
        together.peak = together.peak.max(one.peak);
        together.requests += one.requests;
        together.refused += one.refused;
        together.came_back += one.came_back;
        together.found_room += one.found_room;
        together.wave = together.wave.max(one.wave);
        together.binding += one.binding / f64::from(seeds);
        together.binding_peak = together.binding_peak.max(one.binding_peak);
        together.booked += one.booked;
        together.booked_beyond += one.booked_beyond;
        together.beyond = together.beyond.max(one.beyond);
    }
    together
}
