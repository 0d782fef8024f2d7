//! Load as a whole number of millionths of the gauge's own unit.
//!
//! Sums of floats drift: a hundred million bookings of 3.7 kW, each added once and taken back once, would
//! not return to zero. Whole numbers do. A millionth is fine enough for gauges that are ratios, and leaves
//! room for 9 · 10¹² units in 64 bits.

use std::fmt;

/// The largest valid load, in units of the gauge. A gauge above it is broken. A sum of thousands of such loads still
/// fits 64 bits.
pub const LARGEST: f64 = 1e9;

/// An amount of load, in millionths of the gauge's unit (for a gauge in kilowatts: milliwatts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Load(i64);

impl Load {
    /// Millionths in one unit of the gauge.
    pub(crate) const SCALE: f64 = 1_000_000.0;

    /// No load.
    pub const ZERO: Self = Self(0);

    /// The load that a gauge or a request states, or `None` if the number is NaN, infinite, negative or above
    /// [`LARGEST`]. A positive number too small for the scale becomes one millionth, not zero: the ledger would not
    /// notice a request of zero load.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bounded by LARGEST · SCALE = 10^15"
    )]
    #[inline]
    pub fn new(units: f64) -> Option<Self> {
        if !(0.0..=LARGEST).contains(&units) {
            return None;
        }
        let micros = (units * Self::SCALE).round() as i64;
        Some(Self(if units > 0.0 { micros.max(1) } else { 0 }))
    }

    /// In millionths.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// From millionths.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// In units of the gauge.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "loads stay below 2^53 millionths"
    )]
    #[inline]
    pub fn units(self) -> f64 {
        self.0 as f64 / Self::SCALE
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.units().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_loads_are_refused() {
        for units in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1, 1.1e9] {
            assert_eq!(Load::new(units), None, "{units}");
        }
        assert_eq!(Load::new(-0.0), Some(Load::ZERO), "minus zero is zero");
    }

    #[test]
    fn units_survive_the_round_trip() {
        for units in [0.0, 0.000_001, 3.7, 11.0, 999_999_999.0] {
            assert!(
                (Load::new(units).unwrap().units() - units).abs() < 1e-7,
                "{units}"
            );
        }
        assert_eq!(
            Load::new(1e-12),
            Some(Load::from_micros(1)),
            "a load never rounds to nothing"
        );
    }
}
