//! How much energy cars take.

use std::f64::consts::TAU;
use std::str::FromStr;

use fastrand::Rng;

use super::check;
use crate::{Error, Profile};

/// No car's battery takes more, in kWh; the measured tables end there too.
const BATTERY_KWH: f64 = 100.0;

/// What is drawn is rounded to whole hundredths of a kWh, and is at least one.
const STEPS: f64 = 100.0;

/// What each car wants to take, in kWh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Energy {
    /// All the same.
    Fixed(f64),
    /// As measured: few take much.
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
            Self::Fixed(kwh) => check("--energy-kwh", kwh),
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

/// A log-normal distribution: its logarithm is normally distributed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogNormal {
    /// The mean of the logarithm.
    mu: f64,
    /// The standard deviation of the logarithm.
    sigma: f64,
}

impl LogNormal {
    /// The one that has this mean and this median, of which the first is the greater.
    pub(crate) fn known(mean: f64, median: f64) -> Self {
        Self {
            mu: median.ln(),
            sigma: (2.0 * (mean / median).ln()).max(0.0).sqrt(),
        }
    }

    fn draw(self, rng: &mut Rng) -> f64 {
        // Box and Muller; 1 - u lies in (0, 1], so the logarithm is finite. Only one of the two is used, so
        // that each car takes as much from the stream as any other.
        let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
        let normal = radius * (TAU * rng.f64()).cos();
        (self.mu + self.sigma * normal).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "a hundred thousand")]
    fn what_is_drawn_has_the_mean_and_the_quantiles_of_the_tables() {
        for (profile, mean, median, top_tenth) in [
            (Profile::Home, 23.9, 19.4, 51.0),
            (Profile::Public, 11.9, 7.2, 29.0),
            (Profile::Work, 12.4, 8.8, 26.0),
        ] {
            let mut rng = Rng::with_seed(3);
            let energy = Energy::Drawn(profile.energy());
            let mut drawn: Vec<_> = (0..100_000).map(|_| energy.draw(&mut rng)).collect();
            drawn.sort_by(f64::total_cmp);
            let found = drawn.iter().sum::<f64>() / drawn.len() as f64;
            assert!((found / mean - 1.0).abs() < 0.03, "{profile}: mean {found}");
            assert!(
                (drawn[50_000] / median - 1.0).abs() < 0.02,
                "{profile}: median {}",
                drawn[50_000]
            );
            // The tables' own tail is a little heavier than a log-normal's.
            assert!(
                (drawn[90_000] / top_tenth - 1.0).abs() < 0.16,
                "{profile}: {}",
                drawn[90_000]
            );
            assert!(drawn.iter().all(|kwh| (0.01..=100.0).contains(kwh)));
        }
    }

    #[test]
    fn an_energy_is_a_number_or_a_table() {
        assert_eq!("7.5".parse(), Ok(Energy::Fixed(7.5)));
        assert_eq!("home".parse(), Ok(Energy::Drawn(Profile::Home.energy())));
        assert!("much".parse::<Energy>().is_err());
        for wrong in [0.0, -1.0, f64::NAN] {
            let error = Energy::Fixed(wrong).check().unwrap_err().to_string();
            assert!(error.starts_with("--energy-kwh"), "{error}");
        }
    }
}
