//! Own requests in flight, and no gauge: HAProxy's `leastconn`, nginx' `least_conn`.

use fastrand::Rng;
use switchyard_balance::{Load, Reading};

use super::lowest::lowest;
use super::{Pick, Picker, Scrape, World};
use crate::fleet::{minus, plus};

/// Picks the substation with the least own load in flight for its capacity.
#[derive(Debug)]
pub struct LeastConnections {
    /// The load in flight and the capacity of each substation.
    substations: Vec<(Load, Load)>,
}

impl LeastConnections {
    /// Nothing in flight.
    #[must_use]
    pub fn new(capacities: &[Load]) -> Self {
        Self {
            substations: capacities.iter().map(|&c| (Load::ZERO, c)).collect(),
        }
    }
}

impl Picker for LeastConnections {
    fn pick(&mut self, power: Load, world: &World<'_>, rng: &mut Rng) -> Option<Pick> {
        let substations = self.substations.iter().zip(world.fleet.iter());
        let scores = substations.map(|((in_flight, capacity), truth)| {
            if truth.is_out() {
                return f64::INFINITY;
            }
            plus(*in_flight, power).units() / capacity.units()
        });
        let at = lowest(scores, rng)?;
        if let Some((in_flight, _)) = self.substations.get_mut(at) {
            *in_flight = plus(*in_flight, power);
        }
        let reservation = None;
        Some(Pick { at, reservation })
    }

    fn answered(&mut self, pick: Pick, power: Load, _booked: bool) {
        if let Some((in_flight, _)) = self.substations.get_mut(pick.at) {
            *in_flight = minus(*in_flight, power);
        }
    }

    fn sampled(&mut self, _: Scrape, _: Reading, _: &World<'_>, _: &mut Rng) {}

    fn polls(&self) -> bool {
        false
    }
}
