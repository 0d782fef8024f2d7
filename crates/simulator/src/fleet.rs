//! The truth: what runs on each substation. Only the simulation and the oracle see it.

use std::time::Duration;

use switchyard_balance::{Load, Reading};

use crate::Scenario;

/// One substation as it really is.
#[derive(Clone, Debug)]
pub struct Substation {
    load: Load,
    coming: Load,
    capacity: Load,
    /// Grows when all sessions are lost, so that those that were lost don't end a second time.
    life: u32,
    dead_gauge: bool,
    is_out: bool,
}

/// One charging session.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// What it draws.
    pub power: Load,
    /// How long it lasts once it is booked.
    pub length: Duration,
}

/// A running session's claim to its power: given back once, unless the substation lost it before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Booking {
    pub(crate) at: usize,
    pub(crate) power: Load,
    life: u32,
}

/// All substations.
#[derive(Clone, Debug)]
pub struct Fleet {
    substations: Vec<Substation>,
}

impl Fleet {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let all: f64 = scenario.capacities.iter().sum();
        let scale = scenario.expected_load() * scenario.headroom / all;
        let substations = scenario.capacities.iter().map(|part| Substation {
            load: Load::ZERO,
            coming: Load::ZERO,
            capacity: Load::new(part * scale).unwrap_or_default(),
            life: 0,
            dead_gauge: false,
            is_out: false,
        });
        Self {
            substations: substations.collect(),
        }
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

    /// What the gauge shows, unless it is dead.
    pub(crate) fn gauge(&self, at: usize) -> Option<Reading> {
        let substation = self.substations.get(at)?;
        (!substation.dead_gauge).then_some(Reading {
            load: substation.load,
            capacity: Some(substation.capacity),
        })
    }

    /// A session was sent on its way.
    pub(crate) fn announce(&mut self, at: usize, power: Load) {
        if let Some(substation) = self.substations.get_mut(at) {
            substation.coming = plus(substation.coming, power);
        }
    }

    /// It has arrived: runs from now on, unless the substation is full.
    pub(crate) fn book(&mut self, at: usize, power: Load) -> Option<Booking> {
        let substation = self.substations.get_mut(at)?;
        substation.coming = minus(substation.coming, power);
        let load = plus(substation.load, power);
        if load > substation.capacity {
            return None;
        }
        substation.load = load;
        let life = substation.life;
        Some(Booking { at, power, life })
    }

    /// The session is over. Whether it still ran.
    pub(crate) fn depart(&mut self, booking: Booking) -> bool {
        let running = self.is_running(booking);
        if let Some(substation) = self.substations.get_mut(booking.at).filter(|_| running) {
            substation.load = minus(substation.load, booking.power);
        }
        running
    }

    pub(crate) fn is_running(&self, booking: Booking) -> bool {
        let substation = self.substations.get(booking.at);
        substation.is_some_and(|substation| substation.life == booking.life)
    }

    /// All its sessions end now.
    pub(crate) fn empty(&mut self, at: usize) {
        if let Some(substation) = self.substations.get_mut(at) {
            substation.load = Load::ZERO;
            substation.life += 1;
        }
    }

    /// The first `count` gauges die, or come back.
    pub(crate) fn set_dead(&mut self, count: usize, dead: bool) {
        for substation in self.substations.iter_mut().take(count) {
            substation.dead_gauge = dead;
        }
    }

    /// The first `count` substations leave the rotation, or come back.
    pub(crate) fn set_out(&mut self, count: usize, out: bool) {
        for substation in self.substations.iter_mut().take(count) {
            substation.is_out = out;
        }
    }

    /// The fullest substation's utilisation, divided by the whole fleet's, of those in rotation; 1 while nothing runs.
    pub(crate) fn imbalance(&self) -> f64 {
        let rotation = || self.iter().filter(|s| !s.is_out);
        let load: f64 = rotation().map(|s| s.load.units()).sum();
        let capacity: f64 = rotation().map(|s| s.capacity.units()).sum();
        let fullest = rotation().map(Substation::utilisation).fold(0.0, f64::max);
        if load > 0.0 {
            fullest / (load / capacity)
        } else {
            1.0
        }
    }
}

impl Substation {
    /// What its sessions draw.
    #[must_use]
    pub fn load(&self) -> Load {
        self.load
    }

    /// Its load with everything that is on its way to it.
    #[must_use]
    pub fn load_to_come(&self) -> Load {
        plus(self.load, self.coming)
    }

    /// The most it takes.
    #[must_use]
    pub fn capacity(&self) -> Load {
        self.capacity
    }

    /// Whether it is out of rotation, which every proxy knows.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.is_out
    }

    fn utilisation(&self) -> f64 {
        self.load.units() / self.capacity.units()
    }
}

/// The sum of two loads.
pub(crate) fn plus(a: Load, b: Load) -> Load {
    Load::from_micros(a.micros() + b.micros())
}

/// Their difference. Below zero only if something is counted out that was never counted in.
pub(crate) fn minus(a: Load, b: Load) -> Load {
    Load::from_micros(a.micros() - b.micros())
}
