//! When requests arrive. Pure: a curve and a seed give times.
//!
//! Arrivals are the points of a process of rate one, mapped through the inverse of the curve: see
//! [`Curve`]. The run needs only an `Iterator<Item = Duration>` whose items never decrease.

mod curve;
mod shapes;

use std::time::Duration;

use fastrand::Rng;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};

use crate::error::UnknownName;
use curve::Inverse;

pub use curve::{Curve, Piece};

/// How the gaps between requests are drawn.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Display, EnumString, Eq, PartialEq, Serialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(
    serialize_all = "snake_case",
    parse_err_fn = unknown_arrivals,
    parse_err_ty = UnknownName
)]
pub enum Arrivals {
    /// Independently of each other, as cars come: gaps are exponentially distributed.
    #[default]
    Poisson,
    /// All equal.
    Even,
}

fn unknown_arrivals(_: &str) -> UnknownName {
    UnknownName {
        known: "poisson or even",
    }
}

/// The times of arrival since the start, in order, up to but not including the end of the curve.
///
/// Times are absolute: each follows from the number of arrivals before it, never from when a
/// request was really sent. So one late request makes no other request late.
#[derive(Clone, Debug)]
pub struct ArrivalTimes {
    arrivals: Arrivals,
    inverse: Inverse,
    rng: Rng,
    /// How many arrivals are expected before the next one.
    sum: f64,
}

impl ArrivalTimes {
    /// Arrivals that follow a curve.
    #[must_use]
    pub fn new(arrivals: Arrivals, curve: Curve, seed: u64) -> Self {
        Self {
            arrivals,
            inverse: Inverse::new(curve),
            rng: Rng::with_seed(seed),
            sum: 0.0,
        }
    }
}

impl Iterator for ArrivalTimes {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let expected = match self.arrivals {
            // 1 - u lies in (0, 1], so the logarithm is finite.
            Arrivals::Poisson => {
                self.sum -= (1.0 - self.rng.f64()).ln();
                self.sum
            }
            Arrivals::Even => {
                let expected = self.sum;
                self.sum += 1.0;
                expected
            }
        };
        self.inverse.time_of(expected)
    }
}

#[cfg(test)]
mod tests;
