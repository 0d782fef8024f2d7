//! Learns from the gauges how long load lasts.
//!
//! Where requests say how long their load lasts, nothing is learned of it: it is taken out of what the gauges show.

use std::sync::Arc;

use self::evidence::{Evidence, Observation, level};
use crate::{
    Lasts, Ledger, Load, Roster,
    ledger::{LastSample, Untold},
};

mod evidence;
mod regression;

/// So much likelier, as a logarithm, one of the two must be to be believed: 150 to 1.
const BELIEVED: f64 = 5.0;
/// Rounds before a load is believed to end with its answer. In a single round, growth has simpler explanations.
const FIRST_ROUNDS: u32 = 3;
/// In requests: what may begin or end while a gauge is read.
const TOLERANCE: f64 = 1.0;

/// Learns from round to round how long the load of a request lasts. The scraper owns it.
///
/// Where the two explain the gauges equally well, nothing is learned.
#[derive(Debug, Default)]
pub struct LastsEstimator {
    evidence: Evidence,
    rounds: u32,
    learned: Option<Lasts>,
    slots: Vec<Slot>,
    round: Vec<Observation>,
}

/// The state of the upstream at one position.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The address of the upstream: after a change of the roster another upstream may have the position.
    identity: usize,
    last: Option<LastSample>,
    /// What had been booked when the upstream came.
    booked_before: i64,
}

impl LastsEstimator {
    /// An estimator that has learned nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// To be called once a round, after its samples have arrived. Returns what has been learned so far.
    pub fn round<U: AsRef<Ledger>>(&mut self, roster: &Roster<U>) -> Option<Lasts> {
        let request = if roster.typical() == Load::ZERO {
            Load::SCALE
        } else {
            in_f64(roster.typical().micros())
        };
        self.observe(roster, request);
        if !self.round.is_empty() {
            self.rounds = self.rounds.saturating_add(1);
            self.evidence.add(&self.round);
            let level = self.level(request);
            self.evidence.set_level(level);
            self.conclude();
        }
        self.learned
    }

    /// What has been learned so far.
    #[must_use]
    pub fn learned(&self) -> Option<Lasts> {
        self.learned
    }

    /// Takes over what an estimator of another process has learned. What the gauges show from now on may correct it.
    pub fn restore(&mut self, learned: Option<Lasts>) {
        self.learned = learned.or(self.learned);
    }

    fn observe<U: AsRef<Ledger>>(&mut self, roster: &Roster<U>, request: f64) {
        self.round.clear();
        self.slots.resize(roster.len(), Slot::default());
        for (slot, upstream) in self.slots.iter_mut().zip(roster.iter()) {
            let ledger = (**upstream).as_ref();
            let identity = Arc::as_ptr(upstream).addr();
            // An upstream out of rotation gets no requests, and often has no sessions any more. A gauge that is not
            // believed shows nothing.
            let is_telling = ledger.is_in() && !ledger.is_distrusted();
            let sample = is_telling.then(|| ledger.last_sample()).flatten();
            if slot.identity != identity || sample.is_none() {
                *slot = Slot {
                    identity,
                    last: None,
                    booked_before: sample.map_or(0, |sample| sample.untold().booked.least),
                };
            }
            let before = std::mem::replace(&mut slot.last, sample);
            if let (Some(before), Some(now)) = (before, sample)
                && before.number != now.number
            {
                if now.follows(&before) {
                    self.round
                        .push(Observation::between(&before, &now, request));
                } else {
                    slot.booked_before = now.untold().booked.least;
                }
            }
        }
    }

    fn level(&self, request: f64) -> f64 {
        let upstreams = self.slots.iter().filter_map(|slot| {
            let sample = slot.last?.untold();
            let under_way = in_f64(sample.under_way);
            let booked = in_f64(sample.booked.least.wrapping_sub(slot.booked_before));
            (under_way > 0.0 && booked >= under_way)
                .then(|| (in_f64(sample.value) / request, under_way / request))
        });
        level(upstreams, TOLERANCE)
    }

    fn conclude(&mut self) {
        let for_answer = self.evidence.for_answer();
        let (likelier, weight) = if for_answer > 0.0 {
            (Lasts::Answer, for_answer)
        } else {
            (Lasts::Session, -for_answer)
        };
        let is_early = likelier == Lasts::Answer && self.rounds < FIRST_ROUNDS;
        if weight >= BELIEVED && !is_early {
            self.learned = Some(likelier);
        }
    }
}

impl Observation {
    fn between(before: &LastSample, now: &LastSample, request: f64) -> Self {
        let requests = |micros: i64| in_f64(micros) / request;
        let weight = now.capacity.map_or(1.0, Load::units);
        let (before, now): (Untold, Untold) = (before.untold(), now.untold());
        let known = now.told_booked.since(before.told_booked).middle();
        Self {
            value: requests(before.value),
            under_way: requests(before.under_way),
            growth: requests(now.value - before.value - known),
            started: requests(now.under_way - before.under_way),
            booked: requests(now.booked.since(before.booked).middle()),
            weight,
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "16 digits are enough for an estimate"
)]
const fn in_f64(micros: i64) -> f64 {
    micros as f64
}
