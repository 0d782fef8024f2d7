//! The true state of each substation. Only the simulation and the oracle know it.

mod feeders;

use std::time::Duration;

use fastrand::Rng;
use switchyard_balance::{Load, Reading};

use crate::gauges::{Gauge, Gauges, Lie};
use crate::scenario::Scenario;

pub use feeders::Feeder;

/// The true state of a substation.
#[derive(Clone, Debug)]
pub struct Substation {
    load: Load,
    /// The load of requests on their way to it.
    incoming: Load,
    capacity: Load,
    /// Grows when all sessions are lost, so that a lost session does not end a second time.
    generation: u32,
    dead_gauge: bool,
    gauge: Gauge,
    is_out: bool,
}

/// One charging session.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// The power that it draws.
    pub power: Load,
    /// Its length once it is booked.
    pub length: Duration,
}

/// A running session and its power. The power is given back once, unless the substation lost the
/// session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Booking {
    pub(crate) at: usize,
    pub(crate) power: Load,
    generation: u32,
}

/// All substations, and the feeders above them.
#[derive(Clone, Debug)]
pub struct Fleet {
    substations: Vec<Substation>,
    feeders: Vec<Feeder>,
    /// The feeder of each substation, by its number.
    of: Vec<Option<usize>>,
    /// Units for each unit of the scenario's relative capacities.
    scale: f64,
}

impl Fleet {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let all = scenario.tree.carries(&scenario.capacities);
        let scale = scenario.expected_load() * scenario.headroom / all;
        let substations = scenario.capacities.iter().map(|part| Substation {
            load: Load::ZERO,
            incoming: Load::ZERO,
            capacity: Load::new(part * scale).unwrap_or(Load::LARGEST),
            generation: 0,
            dead_gauge: false,
            gauge: Gauge::default(),
            is_out: false,
        });
        let feeders = scenario.tree.feeders.iter().map(|feeder| Feeder {
            parent: feeder.parent,
            capacity: Load::new(feeder.capacity * scale).unwrap_or(Load::LARGEST),
            base: feeder.base,
            members: Load::ZERO,
            incoming: Load::ZERO,
            base_load: Load::ZERO,
            limit: None,
            before: None,
        });
        let of = (0..scenario.capacities.len()).map(|at| scenario.tree.of.get(at).copied());
        let mut fleet = Self {
            substations: substations.collect(),
            feeders: feeders.collect(),
            of: of.collect(),
            scale,
        };
        fleet.set_time(Duration::ZERO);
        fleet
    }

    /// The substations in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Substation> {
        self.substations.iter()
    }

    /// The capacities in their order.
    #[must_use]
    pub fn capacities(&self) -> Vec<Load> {
        self.iter().map(Substation::capacity).collect()
    }

    /// The reading of a gauge at `now`, unless it is dead.
    pub(crate) fn gauge(
        &mut self,
        at: usize,
        now: Duration,
        rules: &Gauges,
        rng: &mut Rng,
    ) -> Option<Reading> {
        let substation = self.substations.get_mut(at)?;
        let load = substation.gauge.read(substation.load, now, rules, rng);
        (!substation.dead_gauge).then_some(Reading {
            load,
            capacity: Some(substation.capacity),
        })
    }

    /// A request was sent to a substation.
    pub(crate) fn add_incoming(&mut self, at: usize, power: Load) {
        if let Some(substation) = self.substations.get_mut(at) {
            substation.incoming = plus(substation.incoming, power);
        }
        self.path_mut(at, |feeder| feeder.incoming = plus(feeder.incoming, power));
    }

    /// The request has arrived: its session runs from now on, unless the substation is full.
    pub(crate) fn book(&mut self, at: usize, power: Load) -> Option<Booking> {
        self.path_mut(at, |feeder| {
            feeder.incoming = minus(feeder.incoming, power);
        });
        let substation = self.substations.get_mut(at)?;
        substation.incoming = minus(substation.incoming, power);
        let load = plus(substation.load, power);
        if load > substation.capacity {
            return None;
        }
        substation.load = load;
        let generation = substation.generation;
        self.lift(at, power);
        Some(Booking {
            at,
            power,
            generation,
        })
    }

    /// The session is over. Returns whether it was still running.
    pub(crate) fn depart(&mut self, booking: Booking) -> bool {
        let running = self.is_running(booking);
        if let Some(substation) = self.substations.get_mut(booking.at).filter(|_| running) {
            substation.load = minus(substation.load, booking.power);
            self.lower(booking.at, booking.power);
        }
        running
    }

    pub(crate) fn is_running(&self, booking: Booking) -> bool {
        let substation = self.substations.get(booking.at);
        substation.is_some_and(|substation| substation.generation == booking.generation)
    }

    /// All sessions of a substation end now.
    pub(crate) fn empty(&mut self, at: usize) {
        if let Some(substation) = self.substations.get_mut(at) {
            let lost = std::mem::take(&mut substation.load);
            substation.generation += 1;
            self.lower(at, lost);
        }
    }

    /// The first `count` gauges die, or recover.
    pub(crate) fn set_dead(&mut self, count: usize, dead: bool) {
        for substation in self.substations.iter_mut().take(count) {
            substation.dead_gauge = dead;
        }
    }

    /// The first `count` gauges lie, or no longer.
    pub(crate) fn set_lie(&mut self, count: usize, lie: Option<Lie>) {
        for substation in self.substations.iter_mut().take(count) {
            substation.gauge.lie = lie;
        }
    }

    /// The first `count` substations leave the rotation, or return.
    pub(crate) fn set_out(&mut self, count: usize, out: bool) {
        for substation in self.substations.iter_mut().take(count) {
            substation.is_out = out;
        }
    }

    /// The highest utilisation divided by that of the fleet, of the substations in rotation; 1
    /// while no session runs.
    pub(crate) fn imbalance(&self) -> f64 {
        let rotation = || self.iter().filter(|s| !s.is_out);
        let load: f64 = rotation().map(|s| s.load.units()).sum();
        let capacity: f64 = rotation().map(|s| s.capacity.units()).sum();
        let highest = rotation().map(Substation::utilisation).fold(0.0, f64::max);
        if load > 0.0 {
            highest / (load / capacity)
        } else {
            1.0
        }
    }
}

impl Substation {
    /// The power of its sessions.
    #[must_use]
    pub fn load(&self) -> Load {
        self.load
    }

    /// Its load plus the power of all requests on their way to it.
    #[must_use]
    pub fn load_with_incoming(&self) -> Load {
        plus(self.load, self.incoming)
    }

    /// Its capacity.
    #[must_use]
    pub fn capacity(&self) -> Load {
        self.capacity
    }

    /// Whether it is out of rotation; every proxy knows this.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.is_out
    }

    /// Its load divided by its capacity.
    fn utilisation(&self) -> f64 {
        self.load.units() / self.capacity.units()
    }
}

/// The sum of two loads.
pub(crate) fn plus(a: Load, b: Load) -> Load {
    Load::from_micros(a.micros() + b.micros())
}

/// The difference of two loads. It is negative only if a load is subtracted that was never added.
pub(crate) fn minus(a: Load, b: Load) -> Load {
    Load::from_micros(a.micros() - b.micros())
}
