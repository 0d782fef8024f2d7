//! Own requests in flight, and no gauge: HAProxy's `leastconn`, nginx' `least_conn`.

use fastrand::Rng;
use switchyard_balance::{Load, Reading};

use super::{Pick, Picker, Scrape, World, in_flight::InFlight, lowest::lowest};
use crate::fleet::plus;

/// Picks the substation with the least own load in flight for its capacity.
#[derive(Debug)]
pub struct LeastConnections {
    in_flight: InFlight,
}

impl LeastConnections {
    /// Nothing in flight.
    #[must_use]
    pub fn new(capacities: &[Load]) -> Self {
        Self {
            in_flight: InFlight::new(capacities),
        }
    }
}

impl Picker for LeastConnections {
    fn pick(&mut self, power: Load, world: &World<'_>, rng: &mut Rng) -> Option<Pick> {
        let substations = self.in_flight.iter().zip(world.fleet.iter());
        let scores = substations.map(|((in_flight, capacity), truth)| {
            if truth.is_out() {
                return f64::INFINITY;
            }
            plus(in_flight, power).units() / capacity.units()
        });
        let at = lowest(scores, rng)?;
        self.in_flight.begin(at, power);
        let reservation = None;
        Some(Pick { at, reservation })
    }

    fn answered(&mut self, pick: Pick, power: Load, _booked: bool) {
        self.in_flight.end(pick.at, power);
    }

    fn sampled(&mut self, _: Scrape, _: Reading, _: &World<'_>, _: &mut Rng) {}

    fn polls(&self) -> bool {
        false
    }
}
