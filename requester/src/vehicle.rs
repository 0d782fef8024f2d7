//! Who asks, and for how much.

use std::fmt::{self, Write};

use fastrand::Rng;

use crate::Error;

/// What home and street chargers draw in kW, and how many in a hundred of each there are: AC points of one
/// phase (3.7, 7.4) and three phases (11, 22), and a few for direct current (50). The weights are a guess at
/// a European street; the powers are the standard's.
const USUAL: [(f64, f64); 5] = [
    (3.7, 20.0),
    (7.4, 25.0),
    (11.0, 40.0),
    (22.0, 10.0),
    (50.0, 5.0),
];

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
}

impl Vehicle {
    /// Writes its request body, a JSON object.
    pub fn write_body(&self, out: &mut impl Write) -> fmt::Result {
        write!(
            out,
            r#"{{"vehicle_id":"ev-{}-{}","power_kw":{},"energy_kwh":{}}}"#,
            self.run, self.number, self.power_kw, self.energy_kwh
        )
    }
}

/// The powers that cars ask for, each with its weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Powers {
    /// Each power with the sum of the weights up to and including its own.
    upto: Vec<(f64, f64)>,
    total: f64,
}

impl Powers {
    /// Powers in kW with their weights: a power of weight 2 is drawn twice as often as one of weight 1.
    pub fn weighted(powers: impl IntoIterator<Item = (f64, f64)>) -> Result<Self, Error> {
        let mut total = 0.0;
        let mut upto = Vec::new();
        for (power, weight) in powers {
            check("--power-kw", power)?;
            check("the weight of a power", weight)?;
            total += weight;
            upto.push((power, total));
        }
        check("the weights of all powers together", total)?;
        Ok(Self { upto, total })
    }

    /// Powers in kW, each as likely as any other.
    pub fn even(powers: &[f64]) -> Result<Self, Error> {
        Self::weighted(powers.iter().map(|power| (*power, 1.0)))
    }

    fn draw(&self, rng: &mut Rng) -> f64 {
        let drawn = rng.f64() * self.total;
        let found = self.upto.iter().find(|(_, upto)| drawn < *upto);
        // Rounding may put the draw on the total itself; there is never none.
        found.or(self.upto.last()).map_or(0.0, |(power, _)| *power)
    }
}

impl Default for Powers {
    /// What is usual in a European street: mostly 11 and 7.4 kW, few of 50 kW.
    fn default() -> Self {
        let mut total = 0.0;
        let upto = USUAL.map(|(power, weight)| {
            total += weight;
            (power, total)
        });
        Self {
            upto: upto.to_vec(),
            total,
        }
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
    powers: Powers,
    energy_kwh: f64,
    rng: Rng,
}

impl Vehicles {
    pub(crate) fn new(powers: Powers, energy_kwh: f64, seed: u64) -> Self {
        Self {
            run: seed,
            number: 0,
            powers,
            energy_kwh,
            // Another stream than the arrivals', so that neither moves when the other draws more.
            rng: Rng::with_seed(seed ^ 0x5eed_00ca),
        }
    }
}

impl Iterator for Vehicles {
    type Item = Vehicle;

    fn next(&mut self) -> Option<Vehicle> {
        self.number += 1;
        Some(Vehicle {
            run: self.run,
            number: self.number,
            power_kw: self.powers.draw(&mut self.rng),
            energy_kwh: self.energy_kwh,
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
    fn powers_come_as_often_as_they_weigh() {
        let vehicles = Vehicles::new(Powers::default(), 11.0, 42).take(100_000);
        let powers: Vec<f64> = vehicles.map(|vehicle| vehicle.power_kw).collect();
        for (power, weight) in USUAL {
            let drawn = powers.iter().filter(|drawn| **drawn == power).count();
            let percent = f64::from(u32::try_from(drawn).unwrap()) / 1000.0;
            assert!(
                (percent - weight).abs() < 0.7,
                "{power} kW: {percent} % for {weight} %"
            );
        }
    }

    #[test]
    fn a_single_power_is_always_drawn() {
        let powers = Powers::even(&[22.0]).unwrap();
        let mut vehicles = Vehicles::new(powers, 11.0, 1).take(1000);
        assert!(vehicles.all(|vehicle| vehicle.power_kw == 22.0));
    }

    #[test]
    fn powers_that_no_car_has_are_refused() {
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = Powers::even(&[11.0, wrong]).unwrap_err().to_string();
            assert!(error.starts_with("--power-kw"), "{error}");
            assert!(Powers::weighted([(11.0, wrong)]).is_err());
        }
        assert!(Powers::even(&[]).is_err());
    }
}
