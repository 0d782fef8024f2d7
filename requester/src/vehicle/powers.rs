//! How much power cars draw.

use fastrand::Rng;

use super::check;
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

    pub(super) fn draw(&self, rng: &mut Rng) -> f64 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vehicle::{Cars, Vehicles};

    #[test]
    fn powers_come_as_often_as_they_weigh() {
        let vehicles = Vehicles::new(Cars::default(), 42).take(100_000);
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
        let cars = Cars {
            powers_kw: Powers::even(&[22.0]).unwrap(),
            ..Cars::default()
        };
        let mut vehicles = Vehicles::new(cars, 1).take(1000);
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
