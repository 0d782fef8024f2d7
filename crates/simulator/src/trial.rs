//! Every contender in a scenario, over several seeds.

use crate::{Contender, Scenario, Simulation};

/// What came of one simulation, or of several together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Utilisation of the fullest substation over that of the fleet, averaged over time.
    pub average: f64,
    /// The same at its worst moment.
    pub peak: f64,
    /// Requests in all.
    pub requests: u64,
    /// Those that got no place.
    pub refused: u64,
}

/// The outcomes of all contenders in one scenario.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The scenario.
    pub scenario: Scenario,
    /// The contenders in their order, each with the average of its averages and the worst of its peaks.
    pub outcomes: Vec<(Contender, Outcome)>,
}

impl Trial {
    /// Runs `seeds` simulations for each contender: those of `seed`, `seed + 1` and so on.
    #[must_use]
    pub fn run(scenario: &Scenario, seed: u64, seeds: u32) -> Self {
        let outcome = |contender| (contender, several(scenario, contender, seed, seeds));
        Self {
            scenario: scenario.clone(),
            outcomes: Contender::ALL.into_iter().map(outcome).collect(),
        }
    }
}

/// One contender over several seeds.
#[must_use]
pub fn several(scenario: &Scenario, contender: Contender, seed: u64, seeds: u32) -> Outcome {
    let mut together = Outcome {
        average: 0.0,
        peak: 1.0,
        requests: 0,
        refused: 0,
    };
    for number in 0..seeds {
        let seed = seed.wrapping_add(number.into());
        let one = Simulation::new(scenario, contender, seed).run();
        together.average += one.average / f64::from(seeds);
        together.peak = together.peak.max(one.peak);
        together.requests += one.requests;
        together.refused += one.refused;
    }
    together
}
