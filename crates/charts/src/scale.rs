//! Maps values to positions on an axis, and chooses the ticks.

/// How values lie along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Evenly, from zero to an end.
    Linear {
        /// The end of the axis.
        to: f64,
        /// The distance between two ticks.
        step: f64,
    },
    /// By powers of ten.
    Log {
        /// The exponent at the beginning.
        from: i32,
        /// The exponent at the end.
        to: i32,
    },
    /// Percentiles, stretched towards the end: 0, 90, 99, 99.9 … are equally far apart.
    Percentile {
        /// The number of nines at the end.
        nines: i32,
    },
}

impl Scale {
    /// From zero to a round number that is not below the highest value, with four to eight ticks.
    #[must_use]
    pub fn linear(highest: f64) -> Self {
        let highest = if highest > 0.0 { highest } else { 1.0 };
        let rough = highest / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|round| round * power);
        let step = steps
            .into_iter()
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(power * 10.0);
        Self::Linear {
            to: (highest / step * 0.999).ceil() * step,
            step,
        }
    }

    /// Whole powers of ten around the values. Values that are not above zero are ignored.
    pub fn log(values: impl Iterator<Item = f64>) -> Self {
        let mut bounds = None;
        for value in values.filter(|value| *value > 0.0) {
            let (low, high) = bounds.unwrap_or((value, value));
            bounds = Some((value.min(low), value.max(high)));
        }
        let (low, high) = bounds.unwrap_or((1.0, 10.0));
        let from = power(low.log10().floor());
        Self::Log {
            from,
            to: power(high.log10().ceil()).max(from + 1),
        }
    }

    /// As many nines as this number of values can resolve, from two to five.
    #[must_use]
    pub fn percentile(values: u64) -> Self {
        let nines = values.max(100).ilog10();
        Self::Percentile {
            nines: i32::try_from(nines).unwrap_or(2).clamp(2, 5),
        }
    }

    /// The position of a value, 0 to 1. Values beyond an end lie at the end.
    #[must_use]
    pub fn position(self, value: f64) -> f64 {
        let position = match self {
            Self::Linear { to, .. } => value / to,
            Self::Log { from, to } => (value.log10() - f64::from(from)) / f64::from(to - from),
            Self::Percentile { nines } => -(1.0 - value / 100.0).log10() / f64::from(nines),
        };
        // NaN lies at the beginning.
        if position > 0.0 {
            position.min(1.0)
        } else {
            0.0
        }
    }

    /// The values of the ticks.
    #[must_use]
    pub fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear { to, step } => {
                let numbers = (0..=40).map(|number| f64::from(number) * step);
                numbers.take_while(|tick| *tick <= to * 1.000_001).collect()
            }
            Self::Log { from, to } => (from..=to).map(|power| 10_f64.powi(power)).collect(),
            Self::Percentile { nines } => {
                let mut ticks = vec![0.0];
                ticks.extend((1..=nines).map(|nines| 100.0 - 100.0 * 10_f64.powi(-nines)));
                ticks
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the exponent of a finite number, a few hundred at most"
)]
fn power(log: f64) -> i32 {
    log as i32
}

#[cfg(test)]
mod tests;
