//! The last gauge as it is, with or without the requests in flight: what peers do.

use fastrand::Rng;
use switchyard_balance::{Load, Reading};

use super::{Pick, Picker, Scrape, World, lowest};
use crate::fleet::{minus, plus};

/// The lowest gauge against capacity.
#[derive(Debug)]
pub struct RawGauge {
    seen: Vec<Seen>,
    counts_in_flight: bool,
}

#[derive(Debug)]
struct Seen {
    gauge: Load,
    in_flight: Load,
    capacity: Load,
}

impl RawGauge {
    /// Gauges at zero. `counts_in_flight` adds what was sent and not yet answered.
    #[must_use]
    pub fn new(capacities: &[Load], counts_in_flight: bool) -> Self {
        let seen = capacities.iter().map(|&capacity| Seen {
            gauge: Load::ZERO,
            in_flight: Load::ZERO,
            capacity,
        });
        Self {
            seen: seen.collect(),
            counts_in_flight,
        }
    }
}

impl Picker for RawGauge {
    fn pick(&mut self, power: Load, world: &World<'_>, rng: &mut Rng) -> Option<Pick> {
        let counts_in_flight = self.counts_in_flight;
        let score = self
            .seen
            .iter()
            .zip(world.fleet.iter())
            .map(|(seen, truth)| {
                if truth.is_out() {
                    return f64::INFINITY;
                }
                let known = if counts_in_flight {
                    plus(seen.gauge, seen.in_flight)
                } else {
                    seen.gauge
                };
                plus(known, power).units() / seen.capacity.units()
            });
        let at = lowest(score, rng)?;
        if let Some(seen) = self.seen.get_mut(at) {
            seen.in_flight = plus(seen.in_flight, power);
        }
        let reservation = None;
        Some(Pick { at, reservation })
    }

    fn answered(&mut self, pick: Pick, power: Load, _booked: bool) {
        if let Some(seen) = self.seen.get_mut(pick.at) {
            seen.in_flight = minus(seen.in_flight, power);
        }
    }

    fn sampled(&mut self, scrape: Scrape, reading: Reading, _: &World<'_>, _: &mut Rng) {
        if let Some(seen) = self.seen.get_mut(scrape.at) {
            seen.gauge = reading.load;
        }
    }
}
