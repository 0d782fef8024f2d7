//! A regression with two coefficients, neither of them negative.

/// The sums for the least squared error of `x − c · w + d · y`, where `c` and `d` are at least 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Regression {
    xx: f64,
    xw: f64,
    xy: f64,
    ww: f64,
    wy: f64,
    yy: f64,
}

impl Regression {
    /// Multiplies the weight of all observations.
    pub(super) fn fade(&mut self, by: f64) {
        for sum in [
            &mut self.xx,
            &mut self.xw,
            &mut self.xy,
            &mut self.ww,
            &mut self.wy,
            &mut self.yy,
        ] {
            *sum *= by;
        }
    }

    /// Adds an observation.
    pub(super) fn add(&mut self, x: f64, w: f64, y: f64) {
        self.xx += x * x;
        self.xw += x * w;
        self.xy += x * y;
        self.ww += w * w;
        self.wy += w * y;
        self.yy += y * y;
    }

    /// The least squared error.
    pub(super) fn error(&self) -> f64 {
        // The optimum lies inside, or on one of the two edges, or in the corner.
        let determinant = self.ww * self.yy - self.wy * self.wy;
        let inside = (determinant > 1e-9 * self.ww * self.yy).then(|| {
            let c = (self.xw * self.yy - self.xy * self.wy) / determinant;
            let d = (self.xw * self.wy - self.xy * self.ww) / determinant;
            (c, d)
        });
        let only_c = (self.ww > 0.0).then(|| (self.xw / self.ww, 0.0));
        let only_d = (self.yy > 0.0).then(|| (0.0, -self.xy / self.yy));
        [inside, only_c, only_d]
            .into_iter()
            .flatten()
            .filter(|(c, d)| *c >= 0.0 && *d >= 0.0)
            .map(|(c, d)| self.error_with(c, d))
            .fold(self.xx, f64::min)
            .max(0.0)
    }

    fn error_with(&self, c: f64, d: f64) -> f64 {
        self.xx + c * c * self.ww + d * d * self.yy - 2.0 * c * self.xw + 2.0 * d * self.xy
            - 2.0 * c * d * self.wy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(observations: &[(f64, f64, f64)]) -> f64 {
        let mut regression = Regression::default();
        for (x, w, y) in observations {
            regression.add(*x, *w, *y);
        }
        regression.error()
    }

    #[test]
    fn an_exact_relation_leaves_no_error() {
        let of = |w: f64, y: f64| (3.0 * w - 0.5 * y, w, y);
        assert!(error(&[of(1.0, 2.0), of(2.0, 5.0), of(1.0, 9.0), of(3.0, 1.0)]) < 1e-9);
    }

    #[test]
    fn no_coefficient_is_negative() {
        // The best c would be −2, the best d −1.
        let falling = [(-2.0, 1.0, 0.0), (-2.0, 1.0, 0.0)];
        assert!((error(&falling) - 8.0).abs() < 1e-9);
        let growing = [(1.0, 0.0, 1.0), (2.0, 0.0, 2.0)];
        assert!((error(&growing) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn it_is_the_least_error_of_all_coefficients() {
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            let mut draw = || (rng.f64() * 4.0 - 2.0, rng.f64(), rng.f64() * 3.0 - 1.0);
            let observations: Vec<_> = (0..5).map(|_| draw()).collect();
            let least = error(&observations);
            for step in 0..400 {
                let (c, d) = (f64::from(step % 20) * 0.2, f64::from(step / 20) * 0.2);
                let squares = observations
                    .iter()
                    .map(|(x, w, y)| (x - c * w + d * y).powi(2));
                assert!(least <= squares.sum::<f64>() + 1e-9, "{observations:?}");
            }
        }
    }
}
