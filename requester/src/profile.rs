//! When cars come during the day, and how much energy they take, from measured tables.
//!
//! The tables were published by Elaad, the knowledge centre of the Dutch grid operators, on
//! platform.elaad.io. The simulator `ev2gym` distributes them (`distribution-of-arrival.csv`); here
//! they are rounded. The energies have the same source (`distribution-of-energy-demand.csv`). A
//! log-normal distribution has two degrees of freedom, which the measured mean and median fix; the
//! measured top tenth is then met within a sixth.

mod hours;
mod log_normal;
mod tables;

use std::time::Duration;

use strum::{Display, EnumString, VariantArray};

use crate::arrivals::{Curve, Piece};
use crate::error::{Error, UnknownName};

pub use hours::Hours;
pub use log_normal::LogNormal;
use tables::{HOME, PUBLIC, QUARTERS, WORK};

const QUARTER: Duration = Duration::from_mins(15);

/// More cars a day than exist.
const MAX_SESSIONS: f64 = 1e12;

/// Where cars are plugged in, which decides when they come and how much energy they take.
#[derive(Clone, Copy, Debug, Display, EnumString, Eq, PartialEq, VariantArray)]
#[strum(
    serialize_all = "snake_case",
    parse_err_fn = unknown_profile,
    parse_err_ty = UnknownName
)]
pub enum Profile {
    /// At home: the peak is at 18:15, with 4.56 % of the day's cars.
    Home,
    /// In the street: a smaller peak in the morning, and the main peak at the same time as at home.
    Public,
    /// At work: 59 % of the cars come between 07:00 and 10:00.
    Work,
}

fn unknown_profile(_: &str) -> UnknownName {
    UnknownName {
        known: "home, public or work",
    }
}

impl Profile {
    /// The part of a day's cars that comes in each quarter of an hour from midnight; the sum is 1.
    pub fn quarters(self) -> impl Iterator<Item = f64> + Clone {
        let table = self.table();
        let total: f64 = table.iter().copied().map(f64::from).sum();
        table.iter().map(move |part| f64::from(*part) / total)
    }

    /// The energy that cars take there: a log-normal distribution with the measured mean and
    /// median, in kWh.
    #[must_use]
    pub fn energy(self) -> LogNormal {
        match self {
            Self::Home => LogNormal::from_mean_and_median(23.9, 19.4),
            Self::Public => LogNormal::from_mean_and_median(11.9, 7.2),
            Self::Work => LogNormal::from_mean_and_median(12.4, 8.8),
        }
    }

    /// The arrivals within `hours` of a day of `sessions` cars, compressed into `duration`.
    pub fn curve(self, sessions: f64, hours: Hours, duration: Duration) -> Result<Curve, Error> {
        if !(sessions > 0.0 && sessions <= MAX_SESSIONS) {
            return Err(Error::Option {
                option: "--sessions",
                value: sessions.to_string(),
                rule: "a number above 0, at most 1000000000000",
            });
        }
        if duration.is_zero() {
            return Err(Error::duration("--duration", duration));
        }
        let scale = duration.as_secs_f64() / hours.span().as_secs_f64();
        let begins = (0..).map(|number| QUARTER * number);
        let pieces = begins.zip(self.quarters()).filter_map(|(begin, part)| {
            let from = begin.max(hours.from());
            let to = (begin + QUARTER).min(hours.to());
            let length = to.checked_sub(from).filter(|length| !length.is_zero())?;
            let within = part * sessions * length.as_secs_f64() / QUARTER.as_secs_f64();
            let length = length.mul_f64(scale);
            Some(Piece::flat(length, within / length.as_secs_f64()))
        });
        Curve::new(pieces.collect::<Vec<_>>())
    }

    fn table(self) -> &'static [u16; QUARTERS] {
        match self {
            Self::Home => &HOME,
            Self::Public => &PUBLIC,
            Self::Work => &WORK,
        }
    }
}

#[cfg(test)]
mod tests;
