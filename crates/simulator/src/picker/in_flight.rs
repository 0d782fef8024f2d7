//! Own load in flight at each substation: what a proxy knows that asks no gauge.

use switchyard_balance::Load;

use crate::fleet::{minus, plus};

/// The load in flight and the capacity of each substation.
#[derive(Debug)]
pub(super) struct InFlight(Vec<(Load, Load)>);

impl InFlight {
    /// Nothing in flight.
    pub(super) fn new(capacities: &[Load]) -> Self {
        Self(capacities.iter().map(|&c| (Load::ZERO, c)).collect())
    }

    /// The load in flight and the capacity of each, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Load, Load)> {
        self.0.iter().copied()
    }

    /// The load in flight at a substation, for its capacity.
    pub(super) fn utilisation(&self, at: usize) -> f64 {
        let (in_flight, capacity) = self.0.get(at).copied().unwrap_or_default();
        in_flight.units() / capacity.units()
    }

    /// A request was sent there.
    pub(super) fn begin(&mut self, at: usize, power: Load) {
        if let Some((in_flight, _)) = self.0.get_mut(at) {
            *in_flight = plus(*in_flight, power);
        }
    }

    /// A request was answered there.
    pub(super) fn end(&mut self, at: usize, power: Load) {
        if let Some((in_flight, _)) = self.0.get_mut(at) {
            *in_flight = minus(*in_flight, power);
        }
    }
}
