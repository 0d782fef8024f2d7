//! Load as a whole number of millionths of the gauge's own unit.
//!
//! Sums of floats drift: a hundred million bookings of 3.7 kW, each added once and taken back once, would
//! not return to zero. Whole numbers do. A millionth is fine enough for gauges that are ratios, and leaves
//! room for 9.2 · 10¹² units in 64 bits: enough for gauges that count the bytes of a machine's GPU memory (10¹¹ to
//! 2 · 10¹²).
//!
//! **Nothing overflows.** A sample and a capacity are at most [`LARGEST`], 4.0 · 10¹⁸ millionths. A reservation needs
//! an estimate that stays within the capacity, or within `MOST`, 4.6 · 10¹⁸, where none is known or where the
//! capacity does not count. So the estimate after a reservation is at most `MOST`, and a sum of one sample and of
//! all reservations that it may not contain is at most 8.7 · 10¹⁸ of the 9.2 · 10¹⁸ that 64 bits hold. Sums that can
//! grow further wrap (only their differences are read) or saturate.
//!
//! Sums over *several* upstreams are made of `f64`, which holds them to 16 digits.

use std::fmt;

/// The largest valid load and the largest capacity, in units of the gauge. A gauge above it is refused: it needs a
/// larger unit, as gigabytes in place of bytes.
pub const LARGEST: f64 = 4e12;

/// The most load that may be reserved on an upstream without a known capacity, in millionths: more than any load.
pub(crate) const MOST: i64 = i64::MAX / 2;

/// An amount of load, in millionths of the gauge's unit (for a gauge in kilowatts: milliwatts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Load(i64);

impl Load {
    /// Millionths in one unit of the gauge.
    pub(crate) const SCALE: f64 = 1_000_000.0;

    /// No load.
    pub const ZERO: Self = Self(0);

    /// The largest valid load: [`LARGEST`].
    pub const LARGEST: Self = Self(4_000_000_000_000_000_000);

    /// The load that a gauge or a request states, or `None` if the number is NaN, infinite, negative or above
    /// [`LARGEST`]. A positive number too small for the scale becomes one millionth, not zero: the ledger would not
    /// notice a request of zero load.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bounded by LARGEST · SCALE = 4 · 10^18"
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
        reason = "a load above 2^53 millionths is rounded to 16 digits"
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
        for units in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1, 4.1e12] {
            assert_eq!(Load::new(units), None, "{units}");
        }
        assert_eq!(Load::new(-0.0), Some(Load::ZERO), "minus zero is zero");
    }

    #[test]
    fn units_survive_the_round_trip() {
        for units in [0.0, 0.000_001, 3.7, 11.0, 2e9, 8e10 + 1.0, 1.5e12, LARGEST] {
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

    #[test]
    fn no_sum_of_a_ledger_overflows_however_large_the_loads_are() {
        let largest = Load::LARGEST;
        assert_eq!(Load::new(LARGEST), Some(largest));
        assert!(largest.micros() < MOST, "one such load finds room");
        assert!(MOST.checked_add(largest.micros()).is_some());
    }
}
