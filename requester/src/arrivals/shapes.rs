//! The usual shapes of load tests, as curves.

use std::time::Duration;

use super::curve::{Curve, Piece};
use crate::error::Error;

impl Curve {
    /// The same rate from beginning to end.
    pub fn steady(rate: f64, duration: Duration) -> Result<Self, Error> {
        Self::new([Piece::flat(duration, rate)])
    }

    /// A rate that jumps to a peak for the middle fifth of the time, and back.
    pub fn spike(rate: f64, peak: f64, duration: Duration) -> Result<Self, Error> {
        let fifth = duration / 5;
        Self::new([
            Piece::flat(2 * fifth, rate),
            Piece::flat(fifth, peak),
            Piece::flat(2 * fifth, rate),
        ])
    }

    /// One rate after the other, each for the same time.
    pub fn steps(rates: &[f64], duration: Duration) -> Result<Self, Error> {
        let each = u32::try_from(rates.len()).map_or(Duration::ZERO, |count| {
            duration.checked_div(count).unwrap_or_default()
        });
        Self::new(rates.iter().map(|rate| Piece::flat(each, *rate)))
    }

    /// A rate that rises from 0 for a part of the time, stays constant, and falls to 0 for as long
    /// as it rose.
    pub fn trapezoid(rate: f64, ramp: f64, duration: Duration) -> Result<Self, Error> {
        if !(ramp > 0.0 && ramp <= 0.5) {
            return Err(Error::Option {
                option: "--ramp",
                value: ramp.to_string(),
                rule: "a part of the run above 0, at most 0.5",
            });
        }
        let ramp = duration.mul_f64(ramp);
        let slope = |from, to| Piece {
            length: ramp,
            from,
            to,
        };
        let top = duration.saturating_sub(2 * ramp);
        Self::new([slope(0.0, rate), Piece::flat(top, rate), slope(rate, 0.0)])
    }
}

#[cfg(test)]
mod tests;
