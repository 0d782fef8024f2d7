//! By how much a gauge rises when something is booked.
//!
//! A gauge that shows half of the truth rises by half of each booking. One whose sessions end early shows too little as
//! well, but rises by all of it. A linear regression over the rounds tells them apart: growth of the gauge = *s* ·
//! booked + *c* − *d* · gauge, where *c* is what others book, *d* is the part that ends, and *s* is 1 for an honest
//! gauge. Older rounds fade. (Without *d*, a site that fills and whose sessions end early looks weak: more and more ends
//! there while more and more is booked.)
//!
//! Where as much is booked in every round, the growth says nothing, and the error of *s* says so. (See any text on
//! linear regression for the error.)

/// Sums are multiplied by this with each round: a window of about sixty rounds.
const FADING: f64 = 0.984;
/// So many rounds at least.
const LEAST_ROUNDS: f64 = 20.0;
/// An honest gauge rises by at least this part of what is booked, and
const HONEST: f64 = 0.85;
/// so many standard errors below it, chance is no explanation.
const ERRORS: f64 = 3.0;

/// The sums of the regression. Loads are in requests.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Response {
    rounds: f64,
    booked: f64,
    growth: f64,
    gauge: f64,
    booked_booked: f64,
    booked_growth: f64,
    booked_gauge: f64,
    growth_growth: f64,
    growth_gauge: f64,
    gauge_gauge: f64,
}

impl Response {
    /// Between two samples so much was booked, and the gauge grew by so much from what it was.
    pub(super) fn sampled(&mut self, booked: f64, growth: f64, before: f64, request: f64) {
        let (x, y, v) = (booked / request, growth / request, before / request);
        let add = |sum: &mut f64, of: f64| *sum = *sum * FADING + of;
        add(&mut self.rounds, 1.0);
        add(&mut self.booked, x);
        add(&mut self.growth, y);
        add(&mut self.booked_booked, x * x);
        add(&mut self.booked_growth, x * y);
        add(&mut self.growth_growth, y * y);
        add(&mut self.gauge, v);
        add(&mut self.booked_gauge, x * v);
        add(&mut self.growth_gauge, y * v);
        add(&mut self.gauge_gauge, v * v);
    }

    /// Whether the gauge rises by clearly less than what is booked.
    pub(super) fn is_weak(&self) -> bool {
        if self.rounds < LEAST_ROUNDS {
            return false;
        }
        let centred = |sum: f64, x: f64, y: f64| sum - x * y / self.rounds;
        let vv = centred(self.gauge_gauge, self.gauge, self.gauge);
        let xv = centred(self.booked_gauge, self.booked, self.gauge);
        let yv = centred(self.growth_gauge, self.growth, self.gauge);
        // What the gauge's own level explains is taken out.
        let beyond = |sum: f64, xv: f64, yv: f64| if vv > 1.0 { sum - xv * yv / vv } else { sum };
        let xx = beyond(
            centred(self.booked_booked, self.booked, self.booked),
            xv,
            xv,
        );
        let xy = beyond(
            centred(self.booked_growth, self.booked, self.growth),
            xv,
            yv,
        );
        let yy = beyond(
            centred(self.growth_growth, self.growth, self.growth),
            yv,
            yv,
        );
        // Less than a request apart: rounding.
        if xx < self.rounds {
            return false;
        }
        let slope = xy / xx;
        let error = ((yy - slope * xy).max(0.0) / (self.rounds - 3.0) / xx).sqrt();
        slope + ERRORS * error < HONEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bookings as chance has them, and a gauge that shows `part` of them, with ends of `noise` times as much chance.
    fn is_weak(part: f64, noise: f64, seed: u64) -> bool {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut response = Response::default();
        let mut draw = |of: f64| (0..12).map(|_| rng.f64()).sum::<f64>() * of - 6.0 * of;
        for _ in 0..200 {
            let booked = 50.0 + draw(7.0);
            let growth = part * (booked - 50.0) + draw(7.0 * noise);
            response.sampled(booked, growth, 500.0, 1.0);
        }
        response.is_weak()
    }

    #[test]
    fn a_part_of_the_truth_is_told_from_early_ends() {
        let found = (0..1_000).filter(|seed| is_weak(0.5, 0.5, *seed)).count();
        assert!(found >= 990, "{found} of 1,000");
        for noise in [0.0, 1.0, 4.0] {
            let accused = (0..1_000).find(|seed| is_weak(1.0, noise, *seed));
            assert_eq!(accused, None, "noise {noise}");
        }
    }

    #[test]
    fn a_site_that_fills_while_sessions_end_early_is_not_weak() {
        let mut rng = fastrand::Rng::with_seed(1);
        let (mut response, mut gauge) = (Response::default(), 0.0);
        for round in 0..100 {
            let booked = 20.0 + f64::from(round) / 4.0 + rng.f64() * 8.0;
            let ended = gauge * (0.08 + 0.02 * rng.f64());
            response.sampled(booked, booked - ended, gauge, 1.0);
            assert!(!response.is_weak(), "{round}");
            gauge += booked - ended;
        }
    }

    #[test]
    fn a_steady_stream_and_few_rounds_prove_nothing() {
        let mut response = Response::default();
        for _ in 0..200 {
            response.sampled(50.0, 0.0, 0.0, 1.0);
        }
        assert!(!response.is_weak());
        let mut response = Response::default();
        for booked in [10.0, 50.0, 90.0] {
            response.sampled(booked, 0.0, 0.0, 1.0);
        }
        assert!(!response.is_weak());
    }
}
