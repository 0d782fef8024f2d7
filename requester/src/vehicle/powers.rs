//! How much power cars ask for.

use fastrand::Rng;

use crate::error::Error;

/// The powers of home and street chargers in kW, and the percentage of each: AC with one phase
/// (3.7, 7.4) and three phases (11, 22), and a few with direct current (50). The powers come from
/// the standard. The weights are a guess for a European street.
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
    /// Powers in kW with their weights: a power of weight 2 is drawn twice as often as one of
    /// weight 1.
    pub fn weighted(powers: impl IntoIterator<Item = (f64, f64)>) -> Result<Self, Error> {
        let mut total = 0.0;
        let mut upto = Vec::new();
        for (power, weight) in powers {
            Error::unless_load("--power-kw", power)?;
            Error::unless_positive("the weight of a power", weight)?;
            total += weight;
            upto.push((power, total));
        }
        Error::unless_positive("the weights of all powers together", total)?;
        Ok(Self { upto, total })
    }

    /// Powers in kW, all equally likely.
    pub fn even(powers: &[f64]) -> Result<Self, Error> {
        Self::weighted(powers.iter().map(|power| (*power, 1.0)))
    }

    pub(super) fn draw(&self, rng: &mut Rng) -> f64 {
        let drawn = rng.f64() * self.total;
        let found = self.upto.iter().find(|(_, upto)| drawn < *upto);
        // Rounding may give the total itself, hence the last power. The list is never empty.
        found.or(self.upto.last()).map_or(0.0, |(power, _)| *power)
    }
}

impl Default for Powers {
    /// The usual powers in a European street: mostly 11 and 7.4 kW, few of 50 kW.
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
mod tests;
