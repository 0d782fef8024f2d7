//! Who asks, for how much, how badly, and for how long.
//!
//! Each of these is drawn from a stream of its own, so that a run with malformed requests has the same cars
//! at the same times as one without.

mod energy;
mod malformed;
mod powers;

use std::fmt::{self, Write};

use fastrand::Rng;

use crate::Error;

pub use energy::{Energy, LogNormal};
pub use malformed::Malformed;
pub use powers::Powers;

/// One car's wish.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vehicle {
    /// The seed of the run that it belongs to.
    pub run: u64,
    /// Its number in the run.
    pub number: u64,
    /// What it wants to draw, in kW.
    pub power_kw: f64,
    /// What it wants to take, in kWh.
    pub energy_kwh: f64,
    /// What is wrong with its request, if anything is.
    pub malformed: Option<Malformed>,
    /// It is unplugged after this part of its session, 0 to 1, if it does not stay until it is full.
    pub unplug_after: Option<f64>,
}

impl Vehicle {
    /// Writes its request body, a JSON object unless it is malformed.
    pub fn write_body(&self, out: &mut impl Write) -> fmt::Result {
        if let Some(malformed) = self.malformed {
            return malformed.write_body(self, out);
        }
        write!(
            out,
            r#"{{"vehicle_id":"ev-{}-{}","power_kw":{},"energy_kwh":{}}}"#,
            self.run, self.number, self.power_kw, self.energy_kwh
        )
    }
}

/// What the cars of a run are like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cars {
    /// What they want to draw.
    pub powers_kw: Powers,
    /// What they want to take.
    pub energy_kwh: Energy,
    /// The part of the requests that is malformed, 0 to 1.
    pub malformed: f64,
    /// The part of the cars that is unplugged before it is full, 0 to 1.
    pub early_unplug: f64,
}

impl Cars {
    /// Says what is wrong with these, if anything is.
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

/// A power, an energy or a weight is a number above 0.
pub(crate) fn check(option: &'static str, value: f64) -> Result<(), Error> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::Option {
        option,
        value: value.to_string(),
        rule: "a number above 0",
    })
}

/// The cars of a run, without end.
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
        // Other streams than the arrivals', so that none moves when another draws more.
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
        // Both are drawn whether or not they are used: who is malformed does not depend on how many.
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
mod tests {
    use super::*;

    fn body(vehicle: &Vehicle) -> String {
        let mut body = String::new();
        vehicle.write_body(&mut body).unwrap();
        body
    }

    #[test]
    fn the_body_is_the_json_of_a_charge_request() {
        let vehicle = Vehicle {
            run: 1,
            number: 17,
            power_kw: 7.4,
            energy_kwh: 11.0,
            malformed: None,
            unplug_after: None,
        };
        assert_eq!(
            body(&vehicle),
            r#"{"vehicle_id":"ev-1-17","power_kw":7.4,"energy_kwh":11}"#
        );
        for extreme in [1e300, 1e-300] {
            let text = body(&Vehicle {
                power_kw: extreme,
                ..vehicle
            });
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            let power = read["power_kw"].as_f64().unwrap();
            assert!((power / extreme - 1.0).abs() < 1e-9, "{power}");
        }
    }

    #[test]
    fn the_shares_are_drawn_and_move_nothing_else() {
        let usual = Cars::default();
        let some = Cars {
            malformed: 0.1,
            early_unplug: 0.25,
            ..usual.clone()
        };
        let plain: Vec<_> = Vehicles::new(usual, 4).take(20_000).collect();
        let cars: Vec<_> = Vehicles::new(some, 4).take(20_000).collect();
        let malformed = cars.iter().filter(|car| car.malformed.is_some()).count();
        let leaving: Vec<_> = cars.iter().filter_map(|car| car.unplug_after).collect();
        assert!(malformed.abs_diff(2000) < 200, "{malformed}");
        assert!(leaving.len().abs_diff(5000) < 300, "{}", leaving.len());
        assert!(leaving.iter().all(|part| (0.0..1.0).contains(part)));
        for (plain, car) in plain.iter().zip(&cars) {
            assert_eq!(
                (plain.power_kw, plain.energy_kwh),
                (car.power_kw, car.energy_kwh)
            );
            assert_eq!((plain.malformed, plain.unplug_after), (None, None));
        }
    }

    #[test]
    fn shares_that_are_none_are_refused() {
        for wrong in [-0.1, 1.1, f64::NAN] {
            let cars = Cars {
                malformed: wrong,
                ..Cars::default()
            };
            assert!(
                cars.check()
                    .unwrap_err()
                    .to_string()
                    .starts_with("--malformed")
            );
            let cars = Cars {
                early_unplug: wrong,
                ..Cars::default()
            };
            assert!(
                cars.check()
                    .unwrap_err()
                    .to_string()
                    .starts_with("--early-unplug")
            );
        }
    }
}
