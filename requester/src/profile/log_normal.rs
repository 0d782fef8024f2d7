//! A log-normal distribution.

use std::f64::consts::TAU;

use fastrand::Rng;

/// A log-normal distribution: its logarithm is normally distributed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogNormal {
    /// The mean of the logarithm.
    mu: f64,
    /// The standard deviation of the logarithm.
    sigma: f64,
}

impl LogNormal {
    /// The distribution with this mean and this median; the mean is the greater of the two.
    pub(super) fn from_mean_and_median(mean: f64, median: f64) -> Self {
        Self {
            mu: median.ln(),
            sigma: (2.0 * (mean / median).ln()).max(0.0).sqrt(),
        }
    }

    pub(crate) fn draw(self, rng: &mut Rng) -> f64 {
        // Box and Muller. 1 - u lies in (0, 1], so the logarithm is finite. Only one of the two
        // values is used, so that each car draws equally often from the stream.
        let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
        let normal = radius * (TAU * rng.f64()).cos();
        (self.mu + self.sigma * normal).exp()
    }
}
