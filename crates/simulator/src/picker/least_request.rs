//! The better of two by own requests in flight, and no gauge: Envoy's least request with its default of two choices.
//!
//! Envoy draws both from all hosts, so they may be the same one. (Where weights differ it takes turns by weight over
//! requests instead; here both are compared by their load for their capacity.)

use fastrand::Rng;
use switchyard_balance::{Load, Reading};

use super::{Pick, Picker, Scrape, World};
use crate::fleet::{minus, plus};

/// Picks that with the least own load in flight for its capacity, of two at random.
#[derive(Debug)]
pub struct LeastRequest {
    /// The load in flight and the capacity of each substation.
    substations: Vec<(Load, Load)>,
    /// Kept for its memory: those in rotation.
    left: Vec<usize>,
}

impl LeastRequest {
    /// Nothing in flight.
    #[must_use]
    pub fn new(capacities: &[Load]) -> Self {
        Self {
            substations: capacities.iter().map(|&c| (Load::ZERO, c)).collect(),
            left: Vec::new(),
        }
    }

    fn score(&self, at: usize) -> f64 {
        let (in_flight, capacity) = self.substations.get(at).copied().unwrap_or_default();
        in_flight.units() / capacity.units()
    }
}

impl Picker for LeastRequest {
    fn pick(&mut self, power: Load, world: &World<'_>, rng: &mut Rng) -> Option<Pick> {
        self.left.clear();
        let all = world.fleet.iter().enumerate();
        let is_in = all.filter(|(_, truth)| !truth.is_out()).map(|(at, _)| at);
        self.left.extend(is_in);
        let (one, other) = (*rng.choice(&self.left)?, *rng.choice(&self.left)?);
        let at = if self.score(other) < self.score(one) {
            other
        } else {
            one
        };
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
