//! Evidence for how long load lasts, from what gauges did between two samples.
//!
//! Three models of a gauge, each a linear regression over the rounds, with the own load under way *U*, the own load that
//! was answered for in between *B*, and the gauge *v*:
//!
//! | model | growth of the gauge |
//! | --- | --- |
//! | load ends with its answer | ΔU + c − d · (v − U) |
//! | it outlives its answer, and counts from the answer on | B + c − d · v |
//! | it outlives its answer, and counts from the request on | ΔU + B + c − d · (v − U) |
//!
//! *c* is what begins elsewhere between two samples, in proportion to capacities, and *d* the part that ends of what is
//! not under way. Neither can be negative. (Without them, the ends of others' load would speak for the models in which
//! load ends.)
//!
//! The likelihood ratio of two regressions with normal errors of unknown size is the ratio of their squared errors to
//! the power of half the observations. (See any text on generalised likelihood ratio tests.) Older observations fade.
//!
//! Where as much begins as ends at all times, the growth says little. But then a gauge of the first kind *is* the own
//! load under way, at each upstream and all the time; for the other two that would be a coincidence.

use super::regression::Regression;

/// What one gauge did between two samples, in requests.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Observation {
    /// The gauge at the first of the two samples.
    pub(super) value: f64,
    /// Own load under way at the first sample.
    pub(super) under_way: f64,
    /// The growth of the gauge.
    pub(super) growth: f64,
    /// The growth of the own load under way.
    pub(super) started: f64,
    /// Own load that was answered for in between.
    pub(super) booked: f64,
    /// Its capacity, in any unit.
    pub(super) weight: f64,
}

/// Errors smaller than this part of a request are as good as none.
const PRECISION: f64 = 0.5;
/// Observations of earlier rounds are multiplied by this with each round: a window of about fifty rounds.
const FADING: f64 = 0.98;
/// Own load under way must be at least this part of the gauges, or the gauge can't show whether it contains that load.
const LEAST_PART: f64 = 0.05;
/// Own requests under way at each upstream, and their part of the gauges, from which on the prior counts.
const MUCH: f64 = 2.0;
/// See [`MUCH`].
const MUCH_PART: f64 = 0.1;
/// The logarithm of how much likelier it is, before a gauge has moved, that such load ends with its answer: otherwise
/// it would last only a few times as long as the answer takes, and a session lasts far longer.
const PRIOR: f64 = 3.5;
/// A gauge that shows less than this part of the own load under way does not contain it.
const LEAST_SHOWN: f64 = 0.7;

/// The sums of the three regressions.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    observations: f64,
    value: f64,
    under_way: f64,
    answer: Regression,
    from_answer: Regression,
    from_request: Regression,
    level: f64,
}

impl Evidence {
    /// Adds a round of observations.
    pub(super) fn add(&mut self, round: &[Observation]) {
        for sum in [&mut self.observations, &mut self.value, &mut self.under_way] {
            *sum *= FADING;
        }
        for regression in [
            &mut self.answer,
            &mut self.from_answer,
            &mut self.from_request,
        ] {
            regression.fade(FADING);
        }
        for seen in round {
            self.observations += 1.0;
            self.value += seen.value + seen.growth;
            self.under_way += seen.under_way + seen.started;
            let others = seen.value - seen.under_way;
            let unexplained = seen.growth - seen.started;
            self.answer.add(unexplained, seen.weight, others);
            self.from_answer
                .add(seen.growth - seen.booked, seen.weight, seen.value);
            self.from_request
                .add(unexplained - seen.booked, seen.weight, others);
        }
    }

    /// Sets how well the gauges' levels speak for a load that ends with its answer: see [`level`].
    pub(super) fn set_level(&mut self, level: f64) {
        self.level = level;
    }

    /// The logarithm of how much likelier it is that load ends with its answer than that it outlives it.
    pub(super) fn for_answer(&self) -> f64 {
        let precision = self.observations * PRECISION * PRECISION;
        if precision <= 0.0 {
            return 0.0;
        }
        let session = self.from_answer.error().min(self.from_request.error());
        let ratio = (session + precision) / (self.answer.error() + precision);
        // Two were used up to fit c and d.
        let observations = (self.observations - 2.0).max(0.0);
        let likelihood = 0.5 * observations * ratio.ln() + self.level;
        // Without load under way that a gauge could show, a gauge that stands still proves nothing.
        let can_show = self.under_way >= PRECISION * self.observations
            && self.under_way >= LEAST_PART * self.value
            && self.value >= LEAST_SHOWN * self.under_way;
        let is_much =
            self.under_way >= MUCH * self.observations && self.under_way >= MUCH_PART * self.value;
        if is_much {
            likelihood + PRIOR
        } else if can_show {
            likelihood
        } else {
            likelihood.min(0.0)
        }
    }
}

/// How well the gauges' levels speak for a load that ends with its answer: `(gauge, own load under way)` of each
/// upstream that has answered for as much as it has under way. All must agree within `tolerance` and a twentieth.
pub(super) fn level(upstreams: impl Iterator<Item = (f64, f64)>, tolerance: f64) -> f64 {
    let mut level = 0.0;
    for (value, under_way) in upstreams {
        let near = tolerance + under_way / 20.0;
        if (value - under_way).abs() > near {
            return 0.0;
        }
        level += (under_way / (2.0 * near)).max(1.0).ln();
    }
    level
}
