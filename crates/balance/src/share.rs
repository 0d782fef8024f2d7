//! Estimates which share of a gap this proxy should fill.
//!
//! A gap is an upstream with less load than the others. If several proxies see the same gap and each fills all of it,
//! it is filled several times over. No proxy knows of the others' bookings before its next scrape, and operators should
//! not have to configure the number of proxies. So each proxy scales the gauges by a *share* σ, and adds its own unseen
//! load in full:
//!
//! ```text
//! score = (σ · value + own_unseen + request) / capacity
//! ```
//!
//! If the shares of all proxies add up to 1, together they fill the gap once. With σ = 1 the rule is the plain
//! minimum of the estimates.
//!
//! # How the share is estimated
//!
//! The obvious way is to count: σ = own bookings ÷ all bookings, and the growth of a gauge beyond own bookings was
//! booked by others. But sessions end as well, and a gauge shows only the difference. Where as many sessions end as
//! begin, the gauges stand still, no foreign bookings show, and σ is far too large. However, ends, walk-ins and noise
//! affect full and empty upstreams alike, while bookings by proxies go *towards the gaps*. So movements are weighted by
//! the gap, with *gap* = mean utilisation − utilisation of the upstream, both at the previous round:
//!
//! ```text
//! σ = Σ own bookings · gap  /  Σ growth of the gauge · gap
//! ```
//!
//! In statistics this is an instrumental variable: the ratio of two responses to the same stimulus. Whatever does not
//! respond to the stimulus adds noise but no bias. Some load goes towards gaps by itself (fuller upstreams lose more
//! sessions). It is counted as others' bookings, which is right: it fills the gap too. What matters is the sum of all
//! shares. The ratio pulls that sum towards 1 from either side, however the traffic is divided.
//!
//! Each round's movements are projected on the direction of its gaps, so that one large gap does not outweigh all
//! later rounds, and the sums fade by a fifth each round. One and a half standard errors are added to the denominator:
//! filling a little too slowly costs next to nothing, while shares that add up to much more than 1 overshoot when a gap
//! is large. (With gain *k*, the part 1 − *k* of an error remains: 0.7 and 1.3 are equally good in quiet times.)
//!
//! Below feeders the gap goes by the fullest level, and by what is usual: see `gaps.rs`.
//!
//! # A proxy alone
//!
//! As long as no gauge has grown by more than own bookings could explain *at most*, there is no other proxy: σ is
//! exactly 1. A single such growth starts the estimation. It takes a thousand quiet rounds to be considered alone
//! again, because two proxies that fill gaps evenly may show no such growth for a hundred rounds.
//!
//! The simulator compares this with the plain ledger and with other rules: `docs/balancing.md`.

use std::sync::Arc;

use crate::{Ledger, Load, Roster, ledger::LastSample};

mod carry;
mod gaps;

#[doc(hidden)]
pub use carry::CarriedShare;

use gaps::Gaps;

/// The weight of a round is multiplied by this with each later round: a window of about five rounds.
const FADING: f64 = 0.8;
/// Standard errors that are added to all load that went towards the gaps.
const CAUTION: f64 = 1.5;
/// After this many rounds without a foreign booking, the proxy is considered alone.
const ALONE_AFTER: u32 = 1000;
/// The share never falls below this, so that own bookings still respond to the next gap.
const LEAST_SHARE: f64 = 0.01;

/// The results of a round of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Round {
    /// The share of the gauges that scores count from now on.
    pub share: f64,
    /// The relative change of the load beyond own bookings: see [`Ledger::extrapolate`].
    pub drift: f64,
    /// How far the choice right before the samples was from the best one, judged by the samples: the difference of
    /// the two upstreams' scores. `None` if fewer than two upstreams were sampled.
    pub regret: Option<f64>,
}

/// Estimates the share from round to round. The scraper owns it.
#[derive(Debug)]
pub struct ShareEstimator {
    own_towards_gaps: f64,
    all_towards_gaps: f64,
    /// The variance of the difference of the two.
    variance: f64,
    quiet_rounds: u32,
    share: f64,
    slots: Vec<Slot>,
    steps: Vec<Step>,
    gaps: Gaps,
}

/// The state of the upstream at one position.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The address of the upstream: after a change of the roster another upstream may have the position.
    identity: usize,
    last: Option<LastSample>,
    /// The feeder above it that is fuller than itself and all others, if there is one.
    binding: Option<Fullest>,
    /// Its usual gap; none before its first.
    usual: Option<f64>,
    is_silent: bool,
}

/// A feeder at its position, and its utilisation.
#[derive(Clone, Copy, Debug)]
struct Fullest {
    feeder: usize,
    utilisation: f64,
}

/// The change of one upstream between two samples, in millionths.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// The position of the upstream.
    at: usize,
    capacity: f64,
    before: f64,
    /// The part of it that changes without own doing: see [`Ledger::extrapolate`].
    lasting: f64,
    /// At the same time as `before`.
    binding: Option<Fullest>,
    gap: f64,
    growth: f64,
    own: f64,
    is_foreign: bool,
    expected: f64,
    found: f64,
}

impl Default for ShareEstimator {
    fn default() -> Self {
        Self::new()
    }
}

impl ShareEstimator {
    /// An estimator that considers the proxy alone, until a sample shows otherwise.
    #[must_use]
    pub fn new() -> Self {
        Self {
            own_towards_gaps: 0.0,
            all_towards_gaps: 0.0,
            variance: 0.0,
            quiet_rounds: ALONE_AFTER,
            share: 1.0,
            slots: Vec::new(),
            steps: Vec::new(),
            gaps: Gaps::default(),
        }
    }

    /// To be called once a round, after its samples have arrived. Sets the roster's share, and extrapolates the
    /// upstreams that were not sampled since the last call.
    pub fn round<U: AsRef<Ledger>>(&mut self, roster: &Roster<U>) -> Round {
        self.observe(roster);
        self.estimate_share();
        roster.set_share(self.share);
        let drift = self.drift();
        for (slot, upstream) in self.slots.iter().zip(roster.iter()) {
            if slot.is_silent {
                (**upstream).as_ref().extrapolate(drift);
            }
        }
        Round {
            share: self.share,
            drift,
            regret: self.regret(),
        }
    }

    /// Whether the proxy is considered alone.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.quiet_rounds >= ALONE_AFTER
    }

    fn observe<U: AsRef<Ledger>>(&mut self, roster: &Roster<U>) {
        self.steps.clear();
        self.gaps.read(roster);
        self.slots.resize(roster.len(), Slot::EMPTY);
        for (at, (slot, upstream)) in self.slots.iter_mut().zip(roster.iter()).enumerate() {
            let ledger = (**upstream).as_ref();
            let identity = Arc::as_ptr(upstream).addr();
            if slot.identity != identity {
                *slot = Slot {
                    identity,
                    ..Slot::EMPTY
                };
            }
            // An upstream out of rotation gets no bookings, so its changes say nothing about shares; nor do those of a
            // gauge that is not believed.
            let sample = if ledger.is_in() && !ledger.is_distrusted() {
                ledger.last_sample()
            } else {
                None
            };
            let before = std::mem::replace(&mut slot.last, sample);
            let fullest = sample.and_then(|sample| self.gaps.fullest_above(roster, at, &sample));
            let binding = std::mem::replace(&mut slot.binding, fullest);
            slot.is_silent = false;
            if let (Some(sample), Some(before)) = (sample, before) {
                if sample.number == before.number {
                    slot.is_silent = true;
                } else if sample.lasts == before.lasts && sample.follows(&before) {
                    self.steps.push(Step {
                        at,
                        binding,
                        ..Step::between(&before, &sample)
                    });
                }
            }
        }
    }

    fn estimate_share(&mut self) {
        let capacity: f64 = self.steps.iter().map(|step| step.capacity).sum();
        if capacity <= 0.0 {
            return;
        }
        self.gaps.set(&mut self.steps, &mut self.slots, capacity);
        let gap = |step: &Step| step.gap;
        let sum = |of: &dyn Fn(&Step) -> f64| self.steps.iter().map(of).sum::<f64>();
        let length = sum(&|step| (gap(step) * step.capacity).powi(2)).sqrt();
        // Load that began or ended at all upstreams alike is neither signal nor noise.
        let common = sum(&Step::foreign) / capacity;
        let odd = |step: &Step| step.foreign() - common * step.capacity;
        self.own_towards_gaps *= FADING;
        self.all_towards_gaps *= FADING;
        self.variance *= FADING * FADING;
        if length > 0.0 {
            self.own_towards_gaps += sum(&|step| step.own * gap(step)) / length;
            self.all_towards_gaps += sum(&|step| step.growth * gap(step)) / length;
            self.variance += sum(&|step| (odd(step) * gap(step)).powi(2)) / length.powi(2);
        }
        if self.steps.iter().any(|step| step.is_foreign) {
            self.quiet_rounds = 0;
        } else {
            self.quiet_rounds = self.quiet_rounds.saturating_add(1);
        }
        if self.is_alone() {
            self.share = 1.0;
        } else if self.all_towards_gaps > 0.0 {
            let all = self.all_towards_gaps + CAUTION * self.variance.sqrt();
            let ratio = self.own_towards_gaps / all;
            self.share = ratio.clamp(LEAST_SHARE, 1.0);
        }
    }

    fn drift(&self) -> f64 {
        let before: f64 = self.steps.iter().map(|step| step.lasting).sum();
        let foreign: f64 = self.steps.iter().map(Step::foreign).sum();
        if before > 0.0 {
            (foreign / before).clamp(-1.0, 1.0)
        } else {
            0.0
        }
    }

    fn regret(&self) -> Option<f64> {
        let expected = |step: &Step| step.expected / step.capacity;
        let found = |step: &Step| step.found / step.capacity;
        let by = |score: fn(&Step) -> f64| {
            let order = move |a: &&Step, b: &&Step| score(a).total_cmp(&score(b));
            self.steps.iter().min_by(order)
        };
        let chosen = by(expected)?;
        let best = by(found)?;
        (self.steps.len() > 1).then(|| found(chosen) - found(best))
    }
}

impl Slot {
    const EMPTY: Self = Self {
        identity: 0,
        last: None,
        binding: None,
        usual: None,
        is_silent: false,
    };
}

impl Step {
    #[expect(
        clippy::cast_precision_loss,
        reason = "16 digits are enough for an estimate"
    )]
    fn between(before: &LastSample, now: &LastSample) -> Self {
        let growth = now.value.micros() - before.value.micros();
        let own = now.own.since(before.own);
        // Where no capacity is known, all count as equal. A capacity of zero must not become a divisor.
        let capacity = now.capacity.map_or(1.0, Load::units).max(1e-6) * Load::SCALE;
        Self {
            at: 0,
            binding: None,
            gap: 0.0,
            capacity,
            before: before.value.micros() as f64,
            lasting: before.lasting() as f64,
            growth: growth as f64,
            own: f64::midpoint(own.least as f64, own.most as f64),
            is_foreign: growth > own.most,
            expected: now.expected.micros() as f64,
            found: now.found.micros() as f64,
        }
    }

    /// The load at which it would be as full by itself as its fullest level is.
    fn level(&self) -> f64 {
        let utilisation = self.binding.map(|fullest| fullest.utilisation);
        utilisation.map_or(self.before, |utilisation| utilisation * self.capacity)
    }

    /// The growth that own bookings don't explain: others' bookings minus ended load.
    fn foreign(&self) -> f64 {
        self.growth - self.own
    }
}

#[cfg(test)]
mod tests;
