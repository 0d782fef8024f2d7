//! When requests arrive. Pure: a curve and a seed in, times out.
//!
//! Arrivals are the points of a process of rate one, put through the inverse of the curve: see [`Curve`].
//! Any `Iterator<Item = Duration>` whose items never fall is an arrival process; the run needs no more.

mod curve;
mod profile;
mod shapes;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use curve::Inverse;

pub use curve::{Curve, Piece};
pub use profile::{Hours, Profile};

/// How the gaps between requests are drawn.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Independently of each other, as cars come: gaps are exponentially distributed.
    #[default]
    Poisson,
    /// One like the other, as a clock ticks.
    Even,
}

impl fmt::Display for Arrivals {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Poisson => "poisson",
            Self::Even => "even",
        })
    }
}

impl FromStr for Arrivals {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "poisson" => Ok(Self::Poisson),
            "even" => Ok(Self::Even),
            _ => Err("must be poisson or even"),
        }
    }
}

/// The times of arrival since the start, in order, up to but not including the end of the curve.
///
/// Times are absolute: each is found from how many came before it, never from when a request really left,
/// so being late once makes nothing else late.
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
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn steady(rate: f64, horizon: Duration) -> Curve {
        Curve::new([Piece::flat(horizon, rate)]).unwrap()
    }

    fn poisson(rate: f64, horizon: Duration, seed: u64) -> Vec<Duration> {
        ArrivalTimes::new(Arrivals::Poisson, steady(rate, horizon), seed).collect()
    }

    /// The gaps in seconds, the first from the start.
    fn gaps(times: &[Duration]) -> Vec<f64> {
        let before = std::iter::once(Duration::ZERO).chain(times.iter().copied());
        let pairs = times.iter().zip(before);
        pairs
            .map(|(at, before)| at.as_secs_f64() - before.as_secs_f64())
            .collect()
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "some ten thousand")]
    fn poisson_arrivals_have_the_rate_and_the_spread_of_a_poisson_process() {
        let times = poisson(50.0, HOUR, 7);
        let expected = 50.0 * 3600.0;
        // The count has the standard deviation √expected; four of them.
        let count = times.len() as f64;
        assert!((count - expected).abs() < 4.0 * expected.sqrt(), "{count}");

        let gaps = gaps(&times);
        let mean = gaps.iter().sum::<f64>() / count;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
        let variation = variance.sqrt() / mean;
        assert!(
            (variation - 1.0).abs() < 0.02,
            "exponential gaps vary by their mean: {variation}"
        );
        let beyond = gaps.iter().filter(|gap| **gap > 2.0 * mean).count() as f64 / count;
        assert!(
            (beyond - (-2.0_f64).exp()).abs() < 0.005,
            "the tail is e^-2: {beyond}"
        );
    }

    #[test]
    fn the_seed_is_the_whole_of_the_chance() {
        let horizon = Duration::from_mins(1);
        assert_eq!(poisson(100.0, horizon, 3), poisson(100.0, horizon, 3));
        assert_ne!(poisson(100.0, horizon, 3), poisson(100.0, horizon, 4));
    }

    #[test]
    fn even_arrivals_do_not_drift() {
        let times: Vec<_> = ArrivalTimes::new(Arrivals::Even, steady(3.0, HOUR), 1).collect();
        assert_eq!(times.len(), 3 * 3600);
        assert_eq!(times[0], Duration::ZERO);
        assert_eq!(times[3 * 1800], Duration::from_mins(30));
        assert_eq!(times[3 * 3599], Duration::from_secs(3599));
    }

    #[test]
    fn they_never_go_back_and_never_reach_the_horizon() {
        for arrivals in [Arrivals::Poisson, Arrivals::Even] {
            let horizon = Duration::from_millis(1500);
            let times: Vec<_> = ArrivalTimes::new(arrivals, steady(10_000.0, horizon), 5).collect();
            assert!(times.len() > 10_000);
            assert!(times.is_sorted());
            assert!(times.iter().all(|at| *at < horizon));
        }
    }
}
