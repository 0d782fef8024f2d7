//! What is known of one upstream: what its gauge must show, and what it shows.

use std::time::Duration;

use super::{Response, Standstill, in_f64};
use crate::{
    Ledger,
    ledger::{LastSample, OwnLive},
};

/// A fall of the gauge beyond what ends explain counts from this part on: less is noise.
const FALL: f64 = 0.2;

/// What is known of one upstream. Loads are in millionths.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an observation of its own, and any combination can occur"
)]
pub(super) struct Watch {
    last: Option<LastSample>,
    claim: Option<Claim>,
    /// No less than the own live load.
    pub(super) own: f64,
    /// The same when the last sample came.
    own_sampled: f64,
    /// The own load that sessions which were lost would still have.
    pub(super) lost: f64,
    /// What the gauge would show if no booking had raised it since its last peak.
    peak: f64,
    /// The gauge.
    pub(super) value: f64,
    /// Whether the last sample was another one than the round before.
    pub(super) has_moved: bool,
    /// Whether no sample came in this round.
    pub(super) is_silent: bool,
    pub(super) is_in: bool,
    /// The claim that was compared last.
    pub(super) claimed: f64,
    /// The part of it that the gauge shows, if one was compared in this round.
    pub(super) shown: Option<f64>,
    response: Response,
    /// Whether it rises by clearly less than what is booked.
    pub(super) is_weak: bool,
    pub(super) standstill: Standstill,
    /// Rounds in a row in which it showed next to nothing,
    pub(super) nothing: u32,
    /// and in which it showed a part.
    pub(super) part: u32,
    /// Movements since it is distrusted.
    pub(super) moves: u32,
    /// Rounds in a row in which it showed what it should, since then.
    pub(super) again: u32,
}

/// Own load that a gauge must show.
#[derive(Clone, Copy, Debug)]
struct Claim {
    /// The running sum of booked load. Whatever sample has seen so much has seen the claim.
    booked: i64,
    load: f64,
    /// Until when it lives.
    until: Duration,
}

impl Watch {
    /// Takes in a round at `now`, and claims what is to be shown `within` that time.
    pub(super) fn observe(
        &mut self,
        ledger: &Ledger,
        live: OwnLive,
        request: f64,
        (now, within): (Duration, Duration),
    ) {
        self.shown = None;
        self.has_moved = false;
        self.is_silent = true;
        self.is_in = ledger.is_in();
        let sample = ledger.last_sample();
        let before = std::mem::replace(&mut self.last, sample);
        let before = before.filter(|before| {
            sample.is_none_or(|now| now.number == before.number || now.follows(before))
        });
        self.own = in_f64(live.most);
        if let (Some(sample), Some(before)) = (sample, before)
            && sample.number != before.number
        {
            self.is_silent = false;
            self.sampled(&before, &sample, request);
            self.settle_claim(&sample, now);
        } else if let (Some(sample), None) = (sample, before) {
            self.value = in_f64(sample.lasting());
            self.own_sampled = self.own;
        }
        if !self.is_in {
            // It gets no bookings, and often loses its sessions.
            self.claim = None;
        } else if self.claim.is_none_or(|claim| claim.until < now) {
            self.claim = Some(Claim {
                booked: ledger.booked_so_far(),
                load: in_f64(live.lasting),
                until: now.saturating_add(within),
            });
        }
    }

    /// Follows the gauge from one sample to the next.
    fn sampled(&mut self, before: &LastSample, now: &LastSample, request: f64) {
        let own = self.own;
        let value = in_f64(now.lasting());
        let booked = in_f64(now.booked.since(before.booked).middle()).max(0.0);
        self.has_moved = now.value != before.value;
        let level = in_f64(before.lasting());
        self.response.sampled(booked, value - level, level, request);
        // Own load that was to end.
        let ended = (self.own_sampled + booked - own).max(0.0);
        if self.own_sampled > 0.0 {
            self.lost *= (1.0 - ended / self.own_sampled).max(0.0);
        }
        self.peak = value.max(self.peak - ended);
        if value < (1.0 - FALL) * self.peak - request {
            let left = value / self.peak;
            self.lost += (1.0 - left) * (own - self.lost).max(0.0);
            self.peak = value;
            // What it does from now on tells whether it lost sessions or lies.
            self.response = Response::default();
        }
        self.is_weak = self.response.is_weak();
        self.lost = self.lost.min(own);
        self.own_sampled = own;
        self.value = value;
        self.standstill.sampled(self.has_moved, own - self.lost);
    }

    fn settle_claim(&mut self, sample: &LastSample, now: Duration) {
        let Some(claim) = self.claim else { return };
        let has_seen = sample.booked.least.wrapping_sub(claim.booked) >= 0;
        if has_seen && now <= claim.until {
            self.claim = None;
            self.claimed = claim.load - self.lost;
            self.shown = (self.claimed > 0.0).then(|| self.value / self.claimed);
        }
    }

    /// The trust has changed: what was counted begins anew.
    pub(super) fn turn(&mut self) {
        (self.nothing, self.part, self.moves, self.again) = (0, 0, 0, 0);
        self.response = Response::default();
        self.is_weak = false;
        self.standstill = Standstill::default();
    }
}
