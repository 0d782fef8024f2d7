//! From values to places, and where the ticks of an axis stand.

use crate::number::grouped;

/// How values lie along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// Evenly, from zero to an end.
    Linear {
        /// The end.
        to: f64,
        /// Between two ticks.
        step: f64,
    },
    /// By powers of ten.
    Log {
        /// The first power.
        from: i32,
        /// The last power.
        to: i32,
    },
    /// Parts of a hundred, drawn out towards the end: 0, 90, 99, 99.9 … are equally far from each other.
    Percentile {
        /// How many nines it ends with.
        nines: i32,
    },
}

impl Scale {
    /// Up to a round number not below the highest value, with four to eight ticks.
    pub(super) fn linear(highest: f64) -> Self {
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

    /// Whole powers of ten around the values, of which those that are not above zero do not count.
    pub(super) fn log(values: impl Iterator<Item = f64>) -> Self {
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

    /// As many nines as so many values can tell apart.
    pub(super) fn percentile(values: u64) -> Self {
        let nines = values.max(100).ilog10();
        Self::Percentile {
            nines: i32::try_from(nines).unwrap_or(2).clamp(2, 5),
        }
    }

    /// Where a value lies, 0 to 1.
    pub(super) fn place(self, value: f64) -> f64 {
        let place = match self {
            Self::Linear { to, .. } => value / to,
            Self::Log { from, to } => (value.log10() - f64::from(from)) / f64::from(to - from),
            Self::Percentile { nines } => -(1.0 - value / 100.0).log10() / f64::from(nines),
        };
        // Not a number and infinities lie at an end.
        if place > 0.0 { place.min(1.0) } else { 0.0 }
    }

    /// The values at which ticks stand.
    pub(super) fn ticks(self) -> Vec<f64> {
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
    reason = "of a finite number, some hundred at most"
)]
fn power(log: f64) -> i32 {
    log as i32
}

/// A number as short as it can be said: at most `digits` behind the point, none of them a trailing zero.
pub(super) fn short(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// A number with its thousands apart, as [`short`] otherwise.
pub(super) fn long(number: f64) -> String {
    grouped(short(number, if number < 1000.0 { 2 } else { 0 }).as_str())
}

/// Seconds in the unit that reads best.
pub(super) fn span(seconds: f64) -> String {
    match seconds {
        s if s < 0.000_999_5 => format!("{} µs", short(s * 1e6, 0)),
        s if s < 0.099_95 => format!("{} ms", short(s * 1e3, 2)),
        s if s < 0.999_5 => format!("{} ms", short(s * 1e3, 0)),
        s => format!("{} s", short(s, 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_ends_at_a_round_number() {
        for (highest, to, ticks) in [
            (730.0, 800.0, 5),
            (100.0, 100.0, 6),
            (0.97, 1.0, 6),
            (3.2, 4.0, 5),
            (0.0, 1.0, 6),
        ] {
            let scale = Scale::linear(highest);
            let Scale::Linear { to: found, .. } = scale else {
                panic!()
            };
            assert!((found / to - 1.0).abs() < 1e-9, "{highest}: {found}");
            assert_eq!(scale.ticks().len(), ticks, "{highest}: {:?}", scale.ticks());
        }
        assert_eq!(Scale::linear(200.0).place(50.0), 0.25);
        assert_eq!(Scale::linear(200.0).place(f64::NAN), 0.0);
    }

    #[test]
    fn a_logarithmic_axis_holds_all_values() {
        let scale = Scale::log([0.0, 0.000_2, 0.03].into_iter());
        assert_eq!(scale, Scale::Log { from: -4, to: -1 });
        assert!((scale.place(0.001) - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(scale.place(0.0), 0.0);
        assert_eq!(Scale::log([].into_iter()), Scale::Log { from: 0, to: 1 });
    }

    #[test]
    fn nines_are_equally_far_from_each_other() {
        let scale = Scale::percentile(20_000);
        let ticks = scale.ticks();
        assert_eq!(ticks.len(), 5);
        assert!((scale.place(99.0) - 0.5).abs() < 1e-9);
        assert!((scale.place(99.9) - 0.75).abs() < 1e-9);
        assert_eq!(scale.place(100.0), 1.0);
    }

    #[test]
    fn numbers_are_said_shortly() {
        assert_eq!(short(2.50, 2), "2.5");
        assert_eq!(short(-0.001, 2), "0");
        assert_eq!(short(100.0, 0), "100");
        assert_eq!(long(1_234_567.8), "1,234,568");
        assert_eq!(long(0.25), "0.25");
        assert_eq!(
            [0.000_25, 0.001_5, 0.25, 2.0].map(span),
            ["250 µs", "1.5 ms", "250 ms", "2 s"]
        );
    }
}
