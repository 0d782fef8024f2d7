//! The last reading of the gauge, with or without the requests in flight: what other proxies do.

use fastrand::Rng;
use switchyard_balance::{Load, Reading};

use super::lowest::lowest;
use super::{Pick, Picker, Scrape, World};
use crate::fleet::{minus, plus};

/// Picks the lowest gauge divided by capacity.
#[derive(Debug)]
pub struct RawGauge {
    substations: Vec<Known>,
    counts_in_flight: bool,
}

#[derive(Debug)]
struct Known {
    gauge: Load,
    in_flight: Load,
    capacity: Load,
}

impl RawGauge {
    /// Gauges at zero. `counts_in_flight` adds the requests that were sent and not yet answered.
    #[must_use]
    pub fn new(capacities: &[Load], counts_in_flight: bool) -> Self {
        let substations = capacities.iter().map(|&capacity| Known {
            gauge: Load::ZERO,
            in_flight: Load::ZERO,
            capacity,
        });
        Self {
            substations: substations.collect(),
            counts_in_flight,
        }
    }
}

impl Picker for RawGauge {
    fn pick(&mut self, power: Load, world: &World<'_>, rng: &mut Rng) -> Option<Pick> {
        let counts_in_flight = self.counts_in_flight;
        let score = self
            .substations
            .iter()
            .zip(world.fleet.iter())
            .map(|(known, truth)| {
                if truth.is_out() {
                    return f64::INFINITY;
                }
                let load = if counts_in_flight {
                    plus(known.gauge, known.in_flight)
                } else {
                    known.gauge
                };
                plus(load, power).units() / known.capacity.units()
            });
        let at = lowest(score, rng)?;
        if let Some(known) = self.substations.get_mut(at) {
            known.in_flight = plus(known.in_flight, power);
        }
        let reservation = None;
        Some(Pick { at, reservation })
    }

    fn answered(&mut self, pick: Pick, power: Load, _booked: bool) {
        if let Some(known) = self.substations.get_mut(pick.at) {
            known.in_flight = minus(known.in_flight, power);
        }
    }

    fn sampled(&mut self, scrape: Scrape, reading: Reading, _: &World<'_>, _: &mut Rng) {
        if let Some(known) = self.substations.get_mut(scrape.at) {
            known.gauge = reading.load;
        }
    }
}
