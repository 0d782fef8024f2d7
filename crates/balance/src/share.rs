//! How much of a gap is one's own to fill.
//!
//! Where several proxies see the same gap and each fills it whole, it is filled several times over. None knows
//! of the others' bookings before its next scrape, and nobody should have to configure how many proxies there are. So
//! each scales what the gauges say by a *share* σ, and adds its own unseen load in full:
//!
//! ```text
//! score = (σ · value + own_unseen + request) / capacity
//! ```
//!
//! If the shares of all proxies add up to one, together they fill the gap once. With σ = 1 the rule is the
//! plain minimum of the estimates.
//!
//! # What is learned, and from what
//!
//! A first thought is to count: σ = own bookings ÷ all bookings, where what a gauge has grown by beyond one's own
//! bookings was booked by others. But sessions end as well, and a gauge shows only the difference. Where as many end as
//! begin, gauges stand still, nothing foreign is seen, and σ is far too large. Ends, walk-ins and noise fall alike on full and on
//! empty upstreams, though; bookings by proxies are what goes *towards the gaps*. So what is compared is movement weighted by the gap
//! towards which it went, with *gap* = mean utilisation − own utilisation at the round before:
//!
//! ```text
//! σ = Σ own bookings · gap  /  Σ growth of the gauge · gap
//! ```
//!
//! In the language of statistics this is an instrumental variable: the ratio of two responses to the same stimulus, to
//! which everything that does not respond adds noise but no bias. What does go towards gaps by itself
//! (fuller upstreams lose more sessions) is counted as others' work, which is right: it fills the gap too.
//! It is the sum of all shares that matters, not how it is divided; the ratio pulls that sum towards one from
//! either side, however the traffic is divided.
//!
//! Each round's movements are projected on the direction of its gaps, so that one great gap does not outweigh all
//! rounds after it, and the sums fade by a fifth each round. One and a half standard errors of the lower sum
//! are added to it: filling a little too slowly costs next to nothing, while shares that add up to much more than one
//! overshoot when a gap is great. (With gain *k* an error lives on as 1 − *k* of it: 0.7 and 1.3 are alike in quiet times.)
//!
//! # Alone
//!
//! As long as no gauge has grown by more than the *most* that one's own bookings could explain, there is nobody else: σ
//! is exactly one. One such growth is enough to begin, and it takes a thousand quiet rounds to be alone again: two proxies that
//! fill gaps evenly may show each other nothing of the kind for a hundred.
//!
//! The simulator holds this against the plain ledger and others' rules: `docs/balancing.md`.

use std::sync::Arc;

use crate::{Ledger, Load, Roster, ledger::LastSample};

/// What is left of a round's weight one round later. A window of about five rounds.
const FADING: f64 = 0.8;
/// Standard errors that are added to what went towards the gaps in all.
const CAUTION: f64 = 1.5;
/// Rounds without a foreign booking after which one is alone.
const ALONE_AFTER: u32 = 1000;
/// A share never falls below this, so that the next gap still draws a response to learn from.
const LEAST_SHARE: f64 = 0.01;

/// What a round of samples taught.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Round {
    /// The share of the gauges that counts from now on.
    pub share: f64,
    /// What became of the load beyond own bookings, as a share of it: see [`Ledger::extrapolate`].
    pub drift: f64,
    /// How much fuller than the best was the upstream that a request would have gone to right before the
    /// samples came, in hindsight: a difference of scores. `None` where fewer than two were sampled.
    pub regret: Option<f64>,
}

/// Learns from round to round. Belongs to whoever scrapes.
#[derive(Debug)]
pub struct ShareEstimator {
    own_towards_gaps: f64,
    all_towards_gaps: f64,
    /// The variance of their difference.
    variance: f64,
    quiet_rounds: u32,
    share: f64,
    slots: Vec<Slot>,
    steps: Vec<Step>,
}

/// What is remembered of the upstream at one position.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Which upstream it was: a position may be another's after a change of the roster.
    identity: usize,
    last: Option<LastSample>,
    is_silent: bool,
}

/// What happened to one upstream between two samples, in millionths.
#[derive(Clone, Copy, Debug)]
struct Step {
    capacity: f64,
    before: f64,
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
    /// Alone, until something else is seen.
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
        }
    }

    /// To be called once a round, when its samples have come. Sets the roster's share, and reckons those that were
    /// not sampled since the last call.
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

    fn observe<U: AsRef<Ledger>>(&mut self, roster: &Roster<U>) {
        self.steps.clear();
        self.slots.resize(roster.len(), Slot::EMPTY);
        for (slot, upstream) in self.slots.iter_mut().zip(roster.iter()) {
            let ledger = (**upstream).as_ref();
            let identity = Arc::as_ptr(upstream).addr();
            if slot.identity != identity {
                *slot = Slot {
                    identity,
                    ..Slot::EMPTY
                };
            }
            // One that is out of rotation gets nothing from anyone, so it has nothing to tell.
            let look = if ledger.is_in() {
                ledger.last_sample()
            } else {
                None
            };
            let before = std::mem::replace(&mut slot.last, look);
            slot.is_silent = false;
            if let (Some(look), Some(before)) = (look, before) {
                if look.number == before.number {
                    slot.is_silent = true;
                } else {
                    self.steps.push(Step::between(&before, &look));
                }
            }
        }
    }

    fn estimate_share(&mut self) {
        let capacity: f64 = self.steps.iter().map(|step| step.capacity).sum();
        let before: f64 = self.steps.iter().map(|step| step.before).sum();
        if capacity <= 0.0 {
            return;
        }
        let mean = before / capacity;
        let gap = |step: &Step| mean - step.before / step.capacity;
        let sum = |of: &dyn Fn(&Step) -> f64| self.steps.iter().map(of).sum::<f64>();
        let length = sum(&|step| (gap(step) * step.capacity).powi(2)).sqrt();
        // What came to all alike, or ended everywhere, is neither signal nor noise.
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
        if self.quiet_rounds >= ALONE_AFTER {
            self.share = 1.0;
        } else if self.all_towards_gaps > 0.0 {
            let all = self.all_towards_gaps + CAUTION * self.variance.sqrt();
            let ratio = self.own_towards_gaps / all;
            self.share = ratio.clamp(LEAST_SHARE, 1.0);
        }
    }

    fn drift(&self) -> f64 {
        let before: f64 = self.steps.iter().map(|step| step.before).sum();
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
        is_silent: false,
    };
}

impl Step {
    #[expect(
        clippy::cast_precision_loss,
        reason = "differences of loads stay below 2^53 millionths"
    )]
    fn between(before: &LastSample, now: &LastSample) -> Self {
        let growth = now.value.micros() - before.value.micros();
        let surely = now.surely_seen.wrapping_sub(before.possibly_seen);
        let possibly = now.possibly_seen.wrapping_sub(before.surely_seen);
        // Where no capacity is known all are alike; one of zero takes nothing, and must not divide.
        let capacity = now.capacity.map_or(1.0, Load::units).max(1e-6) * Load::SCALE;
        Self {
            capacity,
            before: before.value.micros() as f64,
            growth: growth as f64,
            own: f64::midpoint(surely as f64, possibly as f64),
            is_foreign: growth > possibly,
            expected: now.expected.micros() as f64,
            found: now.found.micros() as f64,
        }
    }

    /// What own bookings don't explain: others' bookings less what ended.
    fn foreign(&self) -> f64 {
        self.growth - self.own
    }
}

#[cfg(test)]
mod tests;
