//! How much energy cars ask for.

use std::str::FromStr;

use fastrand::Rng;

use crate::error::Error;
use crate::profile::{LogNormal, Profile};

/// The most that a car's battery takes, in kWh; the measured tables end here too.
const BATTERY_KWH: f64 = 100.0;

/// Energies are rounded to hundredths of a kWh, and are at least one hundredth.
const STEPS: f64 = 100.0;

/// The energy that each car asks for, in kWh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Energy {
    /// The same for all.
    Fixed(f64),
    /// Drawn from the measured distribution.
    Drawn(LogNormal),
}

impl Default for Energy {
    fn default() -> Self {
        Self::Fixed(11.0)
    }
}

impl Energy {
    pub(crate) fn check(self) -> Result<(), Error> {
        match self {
            Self::Fixed(kwh) => Error::unless_load("--energy-kwh", kwh),
            Self::Drawn(_) => Ok(()),
        }
    }

    pub(crate) fn draw(self, rng: &mut Rng) -> f64 {
        match self {
            Self::Fixed(kwh) => kwh,
            Self::Drawn(energies) => {
                let kwh = energies.draw(rng).min(BATTERY_KWH);
                (kwh * STEPS).round().max(1.0) / STEPS
            }
        }
    }
}

impl FromStr for Energy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(profile) = text.parse::<Profile>() {
            return Ok(Self::Drawn(profile.energy()));
        }
        let kwh = text
            .parse()
            .map_err(|_| "must be a number, or home, public or work")?;
        Ok(Self::Fixed(kwh))
    }
}

#[cfg(test)]
mod tests;
