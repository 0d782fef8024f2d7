//! The cars: power, energy, malformed requests, early departures.
//!
//! Each of these is drawn from its own random stream. So a run with malformed requests has the same
//! cars at the same times as a run without.

mod energy;
mod malformed;
mod powers;

use std::fmt::{self, Write};

use fastrand::Rng;

use crate::error::Error;

pub use energy::Energy;
pub use malformed::Malformed;
pub use powers::Powers;

/// A car that asks for a charging session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vehicle {
    /// The seed of its run.
    pub run: u64,
    /// Its number in the run.
    pub number: u64,
    /// The power that it asks for, in kW.
    pub power_kw: f64,
    /// The energy that it asks for, in kWh.
    pub energy_kwh: f64,
    /// What is wrong with its request, if it is malformed.
    pub malformed: Option<Malformed>,
    /// The part of its session, 0 to 1, after which it is unplugged; none if it stays until it is
    /// full.
    pub unplug_after: Option<f64>,
}

impl Vehicle {
    /// Writes its request body, a JSON object unless it is malformed.
    pub fn write_body(&self, out: &mut impl Write) -> fmt::Result {
        if let Some(malformed) = self.malformed {
            return malformed.write_body(self, out);
        }
        self.write_open_body(out)?;
        out.write_char('}')
    }

    /// The same, not malformed and without its closing brace.
    pub(crate) fn write_open_body(&self, out: &mut impl Write) -> fmt::Result {
        write!(
            out,
            r#"{{"vehicle_id":"ev-{}-{}","power_kw":{},"energy_kwh":{}"#,
            self.run, self.number, self.power_kw, self.energy_kwh
        )
    }
}

/// What the cars of a run ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cars {
    /// The powers that they ask for.
    pub powers_kw: Powers,
    /// The energy that they ask for.
    pub energy_kwh: Energy,
    /// The part of the requests that is malformed, 0 to 1.
    pub malformed: f64,
    /// The part of the cars that is unplugged before they are full, 0 to 1.
    pub early_unplug: f64,
}

impl Cars {
    /// An error if a value is out of range.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for (option, part) in [
            ("--malformed", self.malformed),
            ("--early-unplug", self.early_unplug),
        ] {
            if !(0.0..=1.0).contains(&part) {
                return Err(Error::Option {
                    option,
                    value: part.to_string(),
                    rule: "a part of all, from 0 to 1",
                });
            }
        }
        self.energy_kwh.check()
    }
}

/// The endless sequence of a run's cars.
#[derive(Clone, Debug)]
pub(crate) struct Vehicles {
    run: u64,
    number: u64,
    cars: Cars,
    powers: Rng,
    energies: Rng,
    faults: Rng,
    stays: Rng,
}

impl Vehicles {
    pub(crate) fn new(cars: Cars, seed: u64) -> Self {
        // Separate from the stream of the arrivals, so that no stream depends on how much another
        // one draws.
        let stream = |number: u64| Rng::with_seed(seed ^ number);
        Self {
            run: seed,
            number: 0,
            cars,
            powers: stream(0x5eed_00ca),
            energies: stream(0x5eed_0e17),
            faults: stream(0x5eed_0bad),
            stays: stream(0x5eed_57a7),
        }
    }
}

impl Iterator for Vehicles {
    type Item = Vehicle;

    fn next(&mut self) -> Option<Vehicle> {
        self.number += 1;
        let cars = &self.cars;
        // Both are drawn whether or not they are used, so that one car's draws do not shift another
        // car's.
        let (fault, kind) = (self.faults.f64(), Malformed::draw(&mut self.faults));
        let (leaves, after) = (self.stays.f64(), self.stays.f64());
        Some(Vehicle {
            run: self.run,
            number: self.number,
            power_kw: cars.powers_kw.draw(&mut self.powers),
            energy_kwh: cars.energy_kwh.draw(&mut self.energies),
            malformed: (fault < cars.malformed).then_some(kind),
            unplug_after: (leaves < cars.early_unplug).then_some(after),
        })
    }
}

#[cfg(test)]
mod tests;
