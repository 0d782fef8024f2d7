//! Power and energy in whole steps.
//!
//! Loads are added and subtracted millions of times, and after the last session the gauge must read 0, not
//! 1e-13. So both are whole numbers of a step small enough for any car: the milliwatt and the milliwatt-hour.
//! Sums of integers are exact and don't depend on the order.

use std::fmt;

/// Steps in one kW (or kWh).
const STEPS: f64 = 1e6;
/// Joules in one milliwatt-nanosecond.
const JOULES_PER_MW_NS: f64 = 1e-12;

/// A power in whole milliwatts.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Power(u64);

/// An energy in whole milliwatt-hours.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Energy(u64);

/// The energy that a load has drawn over time, exact: milliwatts times nanoseconds.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Drawn(u128);

impl Power {
    /// The largest power of one session, in kW: 1 GW, a power station. More is a mistake in the request.
    pub(crate) const MAX_KW: f64 = 1e6;
    /// No load.
    pub(crate) const ZERO: Self = Self(0);

    /// The power of one session, `None` if it is not a positive number within bounds.
    pub(crate) fn from_kw(kw: f64) -> Option<Self> {
        Self::within(kw, Self::MAX_KW)
    }

    /// A power of at most `max` kW, `None` if it is not a positive number within bounds.
    pub(crate) fn within(kw: f64, max: f64) -> Option<Self> {
        steps(kw, max).map(Self)
    }

    pub(crate) fn kw(self) -> f64 {
        from_steps(self.0)
    }

    /// In milliwatts, without loss.
    pub(crate) fn milliwatts(self) -> u64 {
        self.0
    }

    /// From [`milliwatts`](Self::milliwatts).
    pub(crate) fn from_milliwatts(milliwatts: u64) -> Self {
        Self(milliwatts)
    }

    pub(crate) fn watts(self) -> f64 {
        self.kw() * 1e3
    }

    /// The sum, `None` if it would pass `limit`.
    pub(crate) fn plus_within(self, other: Self, limit: Self) -> Option<Self> {
        self.0
            .checked_add(other.0)
            .map(Self)
            .filter(|sum| *sum <= limit)
    }

    /// The sum. Four of the largest capacities are below the end of 64 bits.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference. `other` must have been added before.
    pub(crate) fn minus(self, other: Self) -> Self {
        debug_assert!(self >= other, "{other} leaves a load of only {self}");
        Self(self.0.saturating_sub(other.0))
    }
}

impl Energy {
    /// The largest energy of one session, in kWh: an hour of the largest power.
    pub(crate) const MAX_KWH: f64 = 1e6;

    /// The energy of one session, `None` if it is not a positive number within bounds.
    pub(crate) fn from_kwh(kwh: f64) -> Option<Self> {
        steps(kwh, Self::MAX_KWH).map(Self)
    }

    /// In milliwatt-hours, without loss.
    pub(crate) fn milliwatt_hours(self) -> u64 {
        self.0
    }

    /// From [`milliwatt_hours`](Self::milliwatt_hours).
    pub(crate) fn from_milliwatt_hours(milliwatt_hours: u64) -> Self {
        Self(milliwatt_hours)
    }

    pub(crate) fn kwh(self) -> f64 {
        from_steps(self.0)
    }

    /// How long it takes at this power, in simulated seconds.
    pub(crate) fn seconds_at(self, power: Power) -> f64 {
        self.kwh() / power.kw() * 3600.0
    }
}

impl Drawn {
    pub(crate) fn add(&mut self, power: Power, during: std::time::Duration) {
        self.0 += u128::from(power.0) * during.as_nanos();
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a counter is read as f64, so it is rounded here"
    )]
    pub(crate) fn joules(self) -> f64 {
        self.0 as f64 * JOULES_PER_MW_NS
    }
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} kW", self.kw())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is positive and at most 4e18 steps, which is checked first"
)]
fn steps(value: f64, max: f64) -> Option<u64> {
    // Written so that NaN fails it.
    if !(value > 0.0 && value <= max) {
        return None;
    }
    let steps = (value * STEPS).round() as u64;
    (steps > 0).then_some(steps)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53 steps, 9e9 kW; rounded to 16 digits beyond"
)]
fn from_steps(steps: u64) -> f64 {
    steps as f64 / STEPS
}

#[cfg(test)]
mod tests;
