//! Power and energy in whole steps.
//!
//! Loads are added and taken away millions of times, and after the last session the gauge must read 0,
//! not 1e-13. So both are whole numbers of a step small enough for any car: the milliwatt and the
//! milliwatt-hour. Sums of integers are exact and don't depend on the order.

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

/// What a load has drawn over time, exact: milliwatts times nanoseconds.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Drawn(u128);

impl Power {
    /// The most that one session may draw: 1 GW, a power station. Above it is a mistake in the request.
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

    /// In milliwatts, which lose nothing.
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

    /// The sum. A thousand of the largest sessions are far from the end of 64 bits.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left when `other` goes. Nothing leaves a load that was not added to it before.
    pub(crate) fn minus(self, other: Self) -> Self {
        debug_assert!(self >= other, "{other} leaves a load of only {self}");
        Self(self.0.saturating_sub(other.0))
    }
}

impl Energy {
    /// The most that one session may take, in kWh: what the largest power takes an hour to draw.
    pub(crate) const MAX_KWH: f64 = 1e6;

    /// The energy of one session, `None` if it is not a positive number within bounds.
    pub(crate) fn from_kwh(kwh: f64) -> Option<Self> {
        steps(kwh, Self::MAX_KWH).map(Self)
    }

    /// In milliwatt-hours, which lose nothing.
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
    reason = "the value is positive and at most 1e15 steps, which is checked first"
)]
fn steps(value: f64, max: f64) -> Option<u64> {
    // Not a comparison that NaN could pass.
    if !(value > 0.0 && value <= max) {
        return None;
    }
    let steps = (value * STEPS).round() as u64;
    (steps > 0).then_some(steps)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "loads stay below 2^53 steps, where f64 is exact"
)]
fn from_steps(steps: u64) -> f64 {
    steps as f64 / STEPS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_positive_numbers_within_bounds_are_a_power() {
        for bad in [
            0.0,
            -0.0,
            -1.0,
            f64::NAN,
            f64::INFINITY,
            -f64::INFINITY,
            4e-7,
            1e6 + 1.0,
        ] {
            assert_eq!(Power::from_kw(bad), None, "{bad}");
            assert_eq!(Energy::from_kwh(bad), None, "{bad}");
        }
        assert_eq!(Power::from_kw(1e-6).map(Power::kw), Some(1e-6));
        assert_eq!(Power::from_kw(1e6).map(Power::kw), Some(1e6));
    }

    #[test]
    fn a_sum_may_reach_its_limit_and_not_pass_it() {
        let (ten, one) = (Power(10), Power(1));
        assert_eq!(Power(9).plus_within(one, ten), Some(ten));
        assert_eq!(ten.plus_within(one, ten), None);
        assert_eq!(Power(u64::MAX).plus_within(one, Power(u64::MAX)), None);
    }

    proptest! {
        #[test]
        fn what_a_person_writes_comes_back_as_written(steps in 1_u64..1_000_000_000_000) {
            let written = format!("{}.{:06}", steps / 1_000_000, steps % 1_000_000);
            let kw: f64 = written.parse().unwrap();
            prop_assert_eq!(Power::from_kw(kw), Some(Power(steps)));
            prop_assert_eq!(Power(steps).kw(), kw);
        }
    }
}
