//! Knows the true loads, and all requests on their way.

use fastrand::Rng;
use switchyard_balance::{Load, Reading};

use super::lowest::lowest;
use super::{Pick, Picker, Scrape, World};
use crate::fleet::plus;

/// Picks the lowest true utilisation. The load is still uneven, because departures cannot be
/// foreseen.
#[derive(Clone, Copy, Debug)]
pub struct Oracle;

impl Picker for Oracle {
    fn pick(&mut self, power: Load, world: &World<'_>, rng: &mut Rng) -> Option<Pick> {
        let score = world.fleet.iter().map(|substation| {
            let load = plus(substation.load_with_incoming(), power);
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
