//! The better of two by own requests in flight, and no gauge: Envoy's least request with its default of two choices.
//!
//! Envoy draws both from all hosts, so they may be the same one. (Where weights differ it takes turns by weight over
//! requests instead; here both are compared by their load for their capacity.)

use fastrand::Rng;
use switchyard_balance::{Load, Reading};

use super::{Pick, Picker, Scrape, World, in_flight::InFlight};

/// Picks that with the least own load in flight for its capacity, of two at random.
#[derive(Debug)]
pub struct LeastRequest {
    in_flight: InFlight,
    /// Kept for its memory: those in rotation.
    left: Vec<usize>,
}

impl LeastRequest {
    /// Nothing in flight.
    #[must_use]
    pub fn new(capacities: &[Load]) -> Self {
        Self {
            in_flight: InFlight::new(capacities),
            left: Vec::new(),
        }
    }
}

impl Picker for LeastRequest {
    fn pick(&mut self, power: Load, world: &World<'_>, rng: &mut Rng) -> Option<Pick> {
        self.left.clear();
        let all = world.fleet.iter().enumerate();
        let is_in = all.filter(|(_, truth)| !truth.is_out()).map(|(at, _)| at);
        self.left.extend(is_in);
        let (one, other) = (*rng.choice(&self.left)?, *rng.choice(&self.left)?);
        let at = if self.in_flight.utilisation(other) < self.in_flight.utilisation(one) {
            other
        } else {
            one
        };
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
