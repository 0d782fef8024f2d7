//! The shapes that tests of strength are made of, as curves.

use std::time::Duration;

use super::{Curve, Piece};
use crate::Error;

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

    /// A rate that rises from 0 for a part of the time, stays, and falls to 0 for as long as it rose.
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
mod tests {
    use super::*;
    use crate::arrivals::{ArrivalTimes, Arrivals};

    const MINUTE: Duration = Duration::from_mins(1);

    /// How many come in each of so many equal parts of a minute.
    fn counts(curve: Curve, parts: u32) -> Vec<usize> {
        let times: Vec<_> = ArrivalTimes::new(Arrivals::Even, curve, 1).collect();
        let part = MINUTE / parts;
        let within = |number| {
            let (from, to) = (part * number, part * (number + 1));
            times.iter().filter(|at| (from..to).contains(at)).count()
        };
        (0..parts).map(within).collect()
    }

    fn are_near(found: &[usize], expected: &[usize]) {
        let near = |(a, b): (&usize, &usize)| a.abs_diff(*b) <= 1;
        let all = found.len() == expected.len() && found.iter().zip(expected).all(near);
        assert!(all, "{found:?} for {expected:?}");
    }

    #[test]
    fn each_has_the_shape_of_its_name() {
        let steady = Curve::steady(10.0, MINUTE).unwrap();
        are_near(&counts(steady, 3), &[200, 200, 200]);
        let spike = Curve::spike(10.0, 100.0, MINUTE).unwrap();
        are_near(&counts(spike, 5), &[120, 120, 1200, 120, 120]);
        let steps = Curve::steps(&[10.0, 0.0, 30.0], MINUTE).unwrap();
        are_near(&counts(steps, 3), &[200, 0, 600]);
        let trapezoid = Curve::trapezoid(100.0, 0.3, MINUTE).unwrap();
        // 18 s up, 24 s on top, 18 s down.
        are_near(
            &counts(trapezoid, 10),
            &[100, 300, 500, 600, 600, 600, 600, 500, 300, 100],
        );
    }

    #[test]
    fn a_ramp_that_is_none_is_refused() {
        for ramp in [0.0, 0.51, -1.0, f64::NAN] {
            let error = Curve::trapezoid(1.0, ramp, MINUTE).unwrap_err();
            assert!(error.to_string().starts_with("--ramp"), "{error}");
        }
        assert!(Curve::steps(&[], MINUTE).is_err());
    }
}
