//! Knows the true loads, and all requests on their way.

use fastrand::Rng;
use switchyard_balance::{Load, Reading};

use super::lowest::lowest;
use super::{Pick, Picker, Scrape, World};
use crate::fleet::{Feeder, plus};

/// So much less counts a substation's own utilisation than that of its fullest level.
const BESIDE: f64 = 1e-6;

/// Picks the lowest true utilisation, which below feeders is that of the fullest level. The load is still uneven, because departures cannot be
/// foreseen.
#[derive(Clone, Copy, Debug)]
pub struct Oracle;

impl Picker for Oracle {
    fn pick(&mut self, power: Load, world: &World<'_>, rng: &mut Rng) -> Option<Pick> {
        let score = (0..).zip(world.fleet.iter()).map(|(at, substation)| {
            let after = |load, bound: Load| {
                let load = plus(load, power);
                if load > bound {
                    f64::INFINITY
                } else {
                    load.units() / bound.units()
                }
            };
            if substation.is_out() {
                return f64::INFINITY;
            }
            let own = after(substation.load_with_incoming(), substation.capacity());
            let path = world.fleet.path(at);
            let above = path.map(|feeder| after(feeder.load_with_incoming(), feeder.bound()));
            let fullest = above.fold(own, f64::max);
            // Among those below the same feeder the substation decides.
            fullest + own * BESIDE
        });
        let at = lowest(score, rng)?;
        // A full substation refuses by itself; a feeder can't.
        let is_over = |feeder: &Feeder| plus(feeder.load_with_incoming(), power) > feeder.bound();
        if world.fleet.path(at).any(is_over) {
            return None;
        }
        let reservation = None;
        Some(Pick { at, reservation })
    }

    fn sampled(&mut self, _: Scrape, _: Reading, _: &World<'_>, _: &mut Rng) {}

    fn polls(&self) -> bool {
        false
    }
}
