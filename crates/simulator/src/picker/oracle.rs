//! Sees the truth, and everything that is on its way.

use fastrand::Rng;
use switchyard_balance::{Load, Reading};

use super::{Pick, Picker, Scrape, World, lowest};
use crate::fleet::plus;

/// Picks the lowest true utilisation. What remains uneven is due to departures, which nobody foresees.
#[derive(Clone, Copy, Debug)]
pub struct Oracle;

impl Picker for Oracle {
    fn pick(&mut self, power: Load, world: &World<'_>, rng: &mut Rng) -> Option<Pick> {
        let score = world.fleet.iter().map(|substation| {
            let load = plus(substation.load_to_come(), power);
            if substation.is_out() || load > substation.capacity() {
                f64::INFINITY
            } else {
                load.units() / substation.capacity().units()
            }
        });
        let reservation = None;
        lowest(score, rng).map(|at| Pick { at, reservation })
    }

    fn sampled(&mut self, _: Scrape, _: Reading, _: &World<'_>, _: &mut Rng) {}

    fn polls(&self) -> bool {
        false
    }
}
