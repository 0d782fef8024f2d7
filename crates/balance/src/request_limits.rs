//! Learns how many requests may be under way to each upstream, from how fast the upstreams answer.
//!
//! A choice by load alone sends a slow upstream as many requests as the others. Where clients wait for their answers
//! before they ask again, all of them soon wait for the slow one; and one that hangs takes requests until the first of
//! them times out. Both show in the requests under way. By Little's law their number is the rate times the time that an
//! answer takes: at equal rates, an upstream that is ten times as slow has ten times as many under way.
//!
//! So, every [`INTERVAL`], each upstream's time is compared with the middle of all, the *reference*:
//!
//! - **Slow**: it takes more than [`SLOW`] times the reference. It may have its fair part of all requests under way, as
//!   weighted least-connections gives it, and no fewer than [`LEAST`].
//! - **Silent**: [`FEW`] or more requests are under way, and none was answered for several times its usual time (the more
//!   are under way, the fewer times: [`patience`]). Or none was answered since its gauge ceased to answer too. It gets
//!   no more, and once they have ended one at a time, until it answers.
//! - **New**: it has answered nothing yet while others have. An empty newcomer attracts every request; until its first
//!   answer it gets [`LEAST`].
//!
//! A limit that is not needed any more is doubled at each look until it does not bind. The time is compared with that
//! of other upstreams and not with a fixed number, so where all are equally slow there is no limit, and the choice goes
//! by load alone. (Netflix' gradient and Vegas limits compare an upstream with its own best. That would take a fuller
//! queue, which all share at rush hour, for a fault of each.) Every limit is soft: see [`RequestLimit`].
//!
//! Where load lasts as long as its answer, the choice gives each its fair part of the requests under way anyway, so a
//! limit of that size hardly binds, and no request of a server is held against it for being long. It binds where the
//! gauges only look as if it were so: where sessions are as short as answers, load says nothing of requests under way.

use std::{collections::HashMap, hash::Hash, time::Duration};

use crate::ledger::RequestLimit;

mod carry;

pub use carry::CarriedPace;

/// From one look to the next.
pub const INTERVAL: Duration = Duration::from_millis(50);
/// The least limit, except while an upstream is silent. An upstream that never answers costs so many requests.
const LEAST: u32 = 4;
/// Times the reference that make an upstream slow, and half of which it has to get below again.
const SLOW: f64 = 4.0;
/// No upstream is slow that takes less than this longer than the reference, in seconds: such a difference is the
/// proxy's or the kernel's as likely as the upstream's.
const SLOW_BY: f64 = 0.005;
/// So few requests under way say nothing.
const FEW: u64 = 4;
/// Usual times without an answer that make an upstream silent, with one request under way; with `n` an `n`-th of that.
/// Where answers come at random, as from a Poisson process, such a silence has a chance of e⁻³².
const PATIENCE: f64 = 32.0;
/// The fewest and the most usual times, however many requests are under way. Answers that come in step, as those of a
/// batch, are all silent for one.
const LEAST_PATIENCE: f64 = 2.0;
const MOST_PATIENCE: f64 = 8.0;
/// The shortest time without an answer that makes an upstream silent, in seconds.
const LEAST_SILENCE: f64 = 0.25;
/// A gauge counts as silent after so many times of what a read of it usually takes.
const GAUGE_PATIENCE: f64 = 8.0;
/// An upstream's time is an average over about so many answers.
const MEMORY: f64 = 16.0;
/// A limit above this is none.
const NO_LIMIT: u32 = 4096;

/// What has come of the requests to one upstream, ever.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Requests that were answered, with any status.
    pub answered: u64,
    /// Requests that have ended in any way.
    pub ended: u64,
    /// How long those took together, in seconds.
    pub seconds: f64,
    /// Requests that are under way now.
    pub in_flight: u64,
    /// Its capacity, in the unit of its gauge; `None` where it is not known.
    pub capacity: Option<f64>,
    /// For how long its gauge has been asked in vain, in seconds; 0 where its last read was answered.
    pub unread: f64,
    /// How long a read of its gauge takes on average, in seconds.
    pub read_takes: f64,
}

/// What is known of the pace of one upstream.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    last: Traffic,
    /// How long a request takes, in seconds, and over how many of them that is known.
    usual: f64,
    known: f64,
    /// For how long requests have been under way and none was answered, in seconds.
    silence: f64,
    /// For how long none was answered, under way or not, at most: a look later than the answer finds it, in seconds.
    unanswered: f64,
    is_slow: bool,
    is_silent: bool,
    /// Whether it answered another process before.
    has_answered_before: bool,
    limit: Option<u32>,
}

/// The limits of all upstreams, by `K`, which identifies one.
#[derive(Debug)]
pub struct RequestLimits<K> {
    paces: Vec<(K, Pace)>,
    /// Kept for its memory.
    times: Vec<f64>,
}

/// The upstreams as a whole, at one look.
#[derive(Clone, Copy, Debug)]
struct Fleet {
    /// The middle of the times of those whose time is known.
    reference: Option<f64>,
    /// Whether any of them has answered a request.
    has_answered: bool,
    /// The requests under way, of all.
    under_way: f64,
    upstreams: f64,
    /// All capacities together; `None` if one is not known.
    capacity: Option<f64>,
}

impl Fleet {
    /// The part of the requests under way that is fair for an upstream of this capacity.
    fn fair(&self, capacity: Option<f64>) -> f64 {
        let part = match (capacity, self.capacity) {
            (Some(own), Some(all)) if all > 0.0 => own / all,
            _ => 1.0 / self.upstreams.max(1.0),
        };
        self.under_way * part
    }
}

impl<K: Copy + Eq + Hash> Default for RequestLimits<K> {
    fn default() -> Self {
        Self {
            paces: Vec::new(),
            times: Vec::new(),
        }
    }
}

impl<K: Copy + Eq + Hash> RequestLimits<K> {
    /// Follows these upstreams from now on. What is known of those that stay, stays.
    pub fn follow(&mut self, upstreams: impl Iterator<Item = K>) {
        let mut before: HashMap<K, Pace> = self.paces.drain(..).collect();
        let pace = |key| (key, before.remove(&key).unwrap_or_default());
        self.paces = upstreams.map(pace).collect();
    }

    /// Looks at the traffic of all upstreams, in the order in which they are followed, `elapsed` after the last look.
    /// `None` for one out of rotation. Returns the limit of each.
    pub fn look(
        &mut self,
        traffic: impl Iterator<Item = Option<Traffic>>,
        elapsed: Duration,
    ) -> impl Iterator<Item = RequestLimit> {
        let (mut under_way, mut upstreams, mut capacity) = (0, 0.0, Some(0.0));
        let mut has_answered = false;
        self.times.clear();
        for ((_, pace), traffic) in self.paces.iter_mut().zip(traffic) {
            if let Some(traffic) = traffic {
                pace.observe(traffic, elapsed.as_secs_f64());
                under_way += traffic.in_flight;
                upstreams += 1.0;
                has_answered |= traffic.answered > 0;
                capacity = capacity.zip(traffic.capacity).map(|(all, own)| all + own);
                self.times.extend(pace.time());
            }
        }
        let fleet = Fleet {
            reference: lower_median(&mut self.times),
            has_answered,
            under_way: count(under_way),
            upstreams,
            capacity,
        };
        self.paces.iter_mut().map(move |(_, pace)| {
            let limit = pace.judge(fleet);
            limit.map_or(RequestLimit::Unlimited, RequestLimit::Soft)
        })
    }
}

impl Pace {
    fn observe(&mut self, now: Traffic, elapsed: f64) {
        let ended = count(now.ended.saturating_sub(self.last.ended));
        if ended > 0.0 {
            let mean = (now.seconds - self.last.seconds).max(0.0) / ended;
            self.known = (self.known + ended).min(MEMORY);
            let weight = (ended / self.known).min(1.0);
            self.usual += weight * (mean - self.usual);
        }
        let has_answered = now.answered > self.last.answered;
        self.unanswered += elapsed;
        if has_answered {
            self.is_silent = false;
            self.unanswered = elapsed;
        }
        self.silence = if has_answered || self.last.in_flight == 0 || now.in_flight == 0 {
            0.0
        } else {
            self.silence + elapsed
        };
        self.last = now;
    }

    /// How long a request takes, if that is known.
    fn time(&self) -> Option<f64> {
        (self.known >= MEMORY / 2.0).then_some(self.usual.max(self.silence))
    }

    /// Whether neither its gauge nor any of its requests has been answered since the gauge was asked. What hangs as a
    /// whole shows so long before requests that take seconds or minutes are overdue. A gauge that is silent while
    /// requests are answered says nothing.
    fn is_frozen(&self) -> bool {
        let Traffic {
            in_flight,
            unread,
            read_takes,
            ..
        } = self.last;
        in_flight > 0
            && unread >= f64::max(LEAST_SILENCE, GAUGE_PATIENCE * read_takes)
            && self.unanswered >= unread
    }

    /// The limit from now on.
    fn judge(&mut self, fleet: Fleet) -> Option<u32> {
        let reference = fleet.reference.unwrap_or(self.usual);
        let usual = self.usual.max(reference);
        let is_hung = self.last.in_flight >= FEW
            && self.silence >= f64::max(LEAST_SILENCE, patience(self.last.in_flight) * usual);
        self.is_silent |= is_hung || self.is_frozen();
        let time = self.usual.max(self.silence);
        let factor = if self.is_slow { 0.5 } else { 1.0 };
        self.is_slow = time > reference + factor * SLOW_BY && time > factor * SLOW * reference;
        let has_answered = self.has_answered_before || self.last.answered > 0;
        let is_new = !has_answered && fleet.has_answered;
        self.limit = if self.is_silent {
            Some(1)
        } else if self.is_slow {
            Some(whole(fleet.fair(self.last.capacity)).max(LEAST))
        } else if is_new {
            Some(LEAST)
        } else {
            // As long as it binds.
            let binds = |limit: &u32| self.last.in_flight * 2 >= u64::from(*limit);
            let limit = self.limit.filter(binds);
            let doubled = limit.map(|limit| limit.max(LEAST / 2) * 2);
            doubled.filter(|limit| *limit < NO_LIMIT)
        };
        self.limit
    }
}

/// How many usual times without an answer make an upstream silent, with so many requests under way.
fn patience(in_flight: u64) -> f64 {
    (PATIENCE / count(in_flight)).clamp(LEAST_PATIENCE, MOST_PATIENCE)
}

/// Of an even number of times the lower of the two in the middle: with two upstreams, the faster one's.
fn lower_median(times: &mut [f64]) -> Option<f64> {
    let middle = times.len().checked_sub(1)? / 2;
    let (_, median, _) = times.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*median)
}

#[expect(clippy::cast_precision_loss, reason = "16 digits are enough")]
fn count(number: u64) -> f64 {
    number as f64
}

/// The next whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates"
)]
fn whole(number: f64) -> u32 {
    number.ceil() as u32
}

#[cfg(test)]
mod tests;
