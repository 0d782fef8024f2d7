//! Finds the gauge that lies: it does not show what was booked.
//!
//! A choice believes its gauges. One that is stuck at zero while its upstream takes bookings looks empty for ever, and
//! takes what all others together should have; a capacity that is configured stops nothing, because a sample of zero
//! says that the room is back. The same happens with a gauge that stands still, that counts in another unit, or that
//! shows half of the truth.
//!
//! The ledger has something to compare with. Where answers say how long sessions last, it knows its own live load
//! without any gauge. So each round of samples is asked what it must show:
//!
//! - **A claim** is made of each upstream: the own load that was booked by now and that lives on for a while. The first
//!   sample that is certain to contain all of it is compared with it. (What a gauge shows late by `load.visibility_lag`
//!   is not claimed before.) The gauge may show more: load of others. It should not show less.
//! - **Sessions that end early** show less everywhere. So the part of the claim that a gauge shows is compared with the
//!   middle of the other upstreams, and only an outlier is distrusted.
//! - **Sessions that are lost**, as when an upstream starts anew, are seen to vanish: the gauge falls by more than ends
//!   explain. What it fell by is claimed no longer. A gauge that lies does not fall; it fails to rise.
//!
//! | sign | rounds | the gauge |
//! | --- | ---: | --- |
//! | it shows less than a quarter of what the others show | 3 | stuck at zero, another unit, stuck at little |
//! | it shows less than 0.7 of that, *and* rises by clearly less than what is booked ([`response`]) | 20 | a part of the truth |
//! | it is the same to the last bit while the own load changes by a third and the others move ([`standstill`]) | 20 | frozen |
//!
//! The second sign needs both halves: one site whose drivers leave early shows too little as well, but rises by all that
//! is booked. With a single other upstream to compare with, the first sign takes three times as long.
//!
//! A gauge at zero leaves the others without bookings where requests are rare, so that there may be none to compare with.
//! Then the first sign takes 20 rounds, and only a fiftieth of the claim is too little: early ends don't explain that.
//! And a gauge is frozen only if it has never moved at all for 60 rounds.
//!
//! A distrusted gauge is replaced by what the ledger knows: its own live load, times what the others' gauges show for
//! each unit of own load where other proxies or walk-ins fill them too. It is trusted again once it has moved several
//! times and has shown at least 0.8 of what the others show, five rounds in a row.
//!
//! **What is not found.** Several proxies: each knows only what it booked itself, and a gauge that shows at least that
//! is above suspicion. Half of the truth before two proxies is just that. Sessions shorter than about four rounds and a
//! second leave nothing to claim. Load that ends with its answer needs no judge: there the own part is counted exactly,
//! whatever the gauge says. Answers that name no duration: nothing is known, and nothing judged.

use std::{sync::Arc, time::Duration};

use self::{response::Response, standstill::Standstill, watch::Watch};
use crate::{Lasts, Ledger, Load, Roster, ledger::Trust};

mod response;
mod standstill;
mod watch;

/// Of what the others show, less than this part is next to nothing.
const NEXT_TO_NOTHING: f64 = 0.25;
/// Rounds of next to nothing until a gauge is distrusted.
const ROUNDS: u32 = 3;
/// So many times longer with a single other upstream to compare with.
const WITH_ONE_OTHER: u32 = 3;
/// Of a claim, less than this part is next to nothing where no other upstream is there to compare with,
const NOTHING_ALONE: f64 = 0.02;
/// and rounds of that.
const ROUNDS_ALONE: u32 = 20;
/// Of what the others show, less than this part is a part of the truth.
const A_PART: f64 = 0.7;
/// Rounds of a part of the truth until a gauge is distrusted.
const ROUNDS_OF_A_PART: u32 = 20;
/// Of what the others show, a gauge that is trusted again shows this part.
const SHOWN_AGAIN: f64 = 0.8;
/// Rounds of that.
const ROUNDS_AGAIN: u32 = 5;
/// Movements until it is trusted again.
const MOVES_AGAIN: u32 = 3;
/// A claim says nothing below so many requests,
const LEAST_REQUESTS: f64 = 10.0;
/// nor below this part of the capacity: gauges are rounded.
const LEAST_OF_CAPACITY: f64 = 0.05;
/// The most that others are thought to have booked beside an own unit.
const MOST_BESIDE: f64 = 100.0;

/// What has changed about one upstream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Its position in the roster.
    pub at: usize,
    /// How far its gauge is believed from now on.
    pub trust: Trust,
    /// What the gauge showed.
    pub shown: Load,
    /// The own load that it should have shown.
    pub own: Load,
}

/// Judges the gauges from round to round. The scraper owns it.
#[derive(Debug, Default)]
pub struct TrustEstimator {
    slots: Vec<Slot>,
    /// The parts of their claims that trusted gauges show, in order.
    shown: Vec<f64>,
    /// What trusted gauges show for each unit of own load.
    beside: Vec<f64>,
    changes: Vec<Change>,
}

/// The upstream at one position.
#[derive(Debug, Default)]
struct Slot {
    /// The address of the upstream: after a change of the roster another upstream may have the position.
    identity: usize,
    /// Nothing until one of its answers has told a duration.
    watch: Option<Box<Watch>>,
}

/// The upstreams as a whole, in one round.
#[derive(Clone, Copy, Debug, Default)]
struct Fleet {
    /// A request, in millionths.
    request: f64,
    /// Upstreams that are watched, those that bear enough own load to be compared, and those whose gauge moved in this
    /// round.
    watched: usize,
    laden: usize,
    moved: usize,
    /// Those whose gauge rises by less than what is booked.
    weak: usize,
    /// The highest utilisation that a trusted gauge shows.
    highest: f64,
}

impl TrustEstimator {
    /// A judge that trusts everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a claim is to live, where samples come at this interval and gauges may be so late: it must be compared
    /// before.
    #[must_use]
    pub fn within(interval: Duration, lag: Duration) -> Duration {
        3 * interval + 2 * lag
    }

    /// To be called once a round, after its samples have arrived. Sets how far each ledger believes its gauge, and
    /// returns what has changed.
    ///
    /// `now` is the time since the moment that [`Ledger::lasts_for`] counts from. `within`: see
    /// [`TrustEstimator::within`].
    pub fn round<U: AsRef<Ledger>>(
        &mut self,
        roster: &Roster<U>,
        now: Duration,
        within: Duration,
    ) -> &[Change] {
        self.changes.clear();
        if !self.follow(roster) {
            return &self.changes;
        }
        let mut fleet = self.observe(roster, now, within);
        self.compare(roster, &mut fleet);
        self.judge(roster, fleet);
        &self.changes
    }

    /// Follows the upstreams of `roster`. Returns whether any of them is watched.
    fn follow<U: AsRef<Ledger>>(&mut self, roster: &Roster<U>) -> bool {
        self.slots.resize_with(roster.len(), Slot::default);
        let mut is_any = false;
        for (slot, upstream) in self.slots.iter_mut().zip(roster.iter()) {
            let identity = Arc::as_ptr(upstream).addr();
            if slot.identity != identity {
                let ledger = (**upstream).as_ref();
                // It may have been distrusted at another position: it goes on as it is, and is judged anew.
                let watch = ledger.is_distrusted().then(Box::default);
                *slot = Slot { identity, watch };
            }
            is_any |= slot.watch.is_some() || (**upstream).as_ref().has_own_ends();
        }
        is_any
    }

    fn observe<U: AsRef<Ledger>>(
        &mut self,
        roster: &Roster<U>,
        now: Duration,
        within: Duration,
    ) -> Fleet {
        let request = if roster.typical() == Load::ZERO {
            Load::SCALE
        } else {
            in_f64(roster.typical().micros())
        };
        let mut fleet = Fleet {
            request,
            ..Fleet::default()
        };
        for (slot, upstream) in self.slots.iter_mut().zip(roster.iter()) {
            let ledger = (**upstream).as_ref();
            let Some(live) = ledger.own_live(now, now.saturating_add(within)) else {
                continue;
            };
            let watch = slot.watch.get_or_insert_with(Box::default);
            if ledger.lasts() == Lasts::Answer {
                **watch = Watch::default();
                continue;
            }
            watch.observe(ledger, live, request, (now, within));
            fleet.watched += 1;
            fleet.laden += usize::from(watch.is_laden(fleet));
            fleet.moved += usize::from(watch.has_moved);
            fleet.weak += usize::from(watch.is_weak);
        }
        fleet
    }

    /// Collects what the trusted gauges show.
    fn compare<U: AsRef<Ledger>>(&mut self, roster: &Roster<U>, fleet: &mut Fleet) {
        self.shown.clear();
        self.beside.clear();
        for (slot, upstream) in self.slots.iter().zip(roster.iter()) {
            let ledger = (**upstream).as_ref();
            let Some(watch) = slot.watch.as_ref().filter(|_| !ledger.is_distrusted()) else {
                continue;
            };
            if watch.claimed >= LEAST_REQUESTS * fleet.request {
                self.shown.extend(watch.shown);
            }
            if watch.is_laden(*fleet) && ledger.is_in() {
                self.beside.push(watch.value / watch.own);
                fleet.highest = fleet.highest.max(watch.value / capacity(ledger, 1.0));
            }
        }
        self.shown.sort_unstable_by(f64::total_cmp);
        self.beside.sort_unstable_by(f64::total_cmp);
    }

    fn judge<U: AsRef<Ledger>>(&mut self, roster: &Roster<U>, fleet: Fleet) {
        for (at, (slot, upstream)) in self.slots.iter_mut().zip(roster.iter()).enumerate() {
            let ledger = (**upstream).as_ref();
            let Some(watch) = &mut slot.watch else {
                continue;
            };
            let before = ledger.trust();
            let others = Others::of(&self.shown, watch.shown, before == Trust::Trusted);
            let least = LEAST_REQUESTS * fleet.request;
            let evidence = least.max(LEAST_OF_CAPACITY * capacity(ledger, 0.0));
            let trust = if ledger.lasts() == Lasts::Answer {
                Trust::Trusted
            } else if before == Trust::Trusted {
                watch.suspect(others, fleet, evidence)
            } else {
                watch.acquit(others, before)
            };
            if before == Trust::Trusted && trust == Trust::Trusted {
                continue;
            }
            let beside = watch.beside(&self.beside, fleet.highest * capacity(ledger, 1.0));
            ledger.set_trust(trust, beside, watch.is_silent);
            if (before == Trust::Trusted) != (trust == Trust::Trusted) {
                watch.turn();
                self.changes.push(Change {
                    at,
                    trust,
                    shown: micros(watch.value),
                    own: micros(watch.own),
                });
            }
        }
    }
}

/// What the other upstreams' gauges show of their claims.
#[derive(Clone, Copy, Debug)]
struct Others {
    count: usize,
    /// The lower of those in the middle, and 1 at most: gauges may show load of others, and none must.
    shown: f64,
}

impl Others {
    /// `own` is in `all` if it `is_counted`.
    fn of(all: &[f64], own: Option<f64>, is_counted: bool) -> Self {
        let own = own.filter(|_| is_counted);
        let rank = own.map_or(all.len(), |own| all.partition_point(|other| *other < own));
        let count = all.len() - usize::from(rank < all.len());
        let middle = count.saturating_sub(1) / 2;
        let middle = middle + usize::from(rank <= middle);
        let shown = all.get(middle).filter(|_| count > 0);
        Self {
            count,
            shown: shown.map_or(1.0, |shown| shown.min(1.0)),
        }
    }
}

impl Watch {
    /// Whether it bears so much own load that its gauge can be compared.
    fn is_laden(&self, fleet: Fleet) -> bool {
        self.own >= LEAST_REQUESTS * fleet.request
    }

    /// How far a gauge that was trusted is to be believed.
    fn suspect(&mut self, others: Others, fleet: Fleet, evidence: f64) -> Trust {
        // Others that bear next to nothing need not move.
        let is_alone = fleet.laden - usize::from(self.is_laden(fleet)) == 0;
        let has_others_moved =
            is_alone || 2 * (fleet.moved - usize::from(self.has_moved)) >= fleet.watched - 1;
        if self.is_in
            && self
                .standstill
                .is_frozen(has_others_moved, is_alone, evidence)
        {
            return Trust::Ignored;
        }
        if self.is_oddly_weak(fleet) {
            // It did not lose its sessions: what is booked now does not show either.
            self.lost = 0.0;
        }
        let Some(shown) = self.shown.filter(|_| self.claimed >= evidence) else {
            return Trust::Trusted;
        };
        let others_show = others.shown;
        let next_to_nothing = match others.count {
            0 => NOTHING_ALONE,
            _ => NEXT_TO_NOTHING * others_show,
        };
        self.nothing = in_a_row(self.nothing, shown < next_to_nothing);
        self.part = in_a_row(self.part, others.count > 1 && shown < A_PART * others_show);
        let rounds = match others.count {
            0 => ROUNDS_ALONE,
            1 => ROUNDS * WITH_ONE_OTHER,
            _ => ROUNDS,
        };
        let is_part = self.part >= ROUNDS_OF_A_PART && self.is_oddly_weak(fleet);
        if self.nothing >= rounds || is_part {
            Trust::Least
        } else {
            Trust::Trusted
        }
    }

    /// Whether it rises by less than what is booked, and most others don't: gauges may be refreshed so seldom that none
    /// shows what was booked in a round.
    fn is_oddly_weak(&self, fleet: Fleet) -> bool {
        self.is_weak && 2 * (fleet.weak - 1) < fleet.watched - 1
    }

    /// How far a gauge that was distrusted is to be believed.
    fn acquit(&mut self, others: Others, before: Trust) -> Trust {
        self.moves = self.moves.saturating_add(u32::from(self.has_moved));
        if let Some(shown) = self.shown {
            let is_shown = shown >= SHOWN_AGAIN * others.shown;
            self.again = in_a_row(self.again, is_shown);
        }
        if self.moves >= MOVES_AGAIN && self.again >= ROUNDS_AGAIN {
            Trust::Trusted
        } else if self.moves == 0 {
            before
        } else {
            Trust::Least
        }
    }

    /// How much load there is beside the own load, by what the others' gauges show, which is `most` in all.
    fn beside(&self, all: &[f64], most: f64) -> Load {
        let middle = all.get(all.len().saturating_sub(1) / 2).copied();
        let times = middle.unwrap_or(1.0).clamp(1.0, MOST_BESIDE);
        micros((self.own * (times - 1.0)).min(most - self.own).max(0.0))
    }
}

/// How many rounds in a row something has held, with this one.
fn in_a_row(rounds: u32, holds: bool) -> u32 {
    if holds { rounds.saturating_add(1) } else { 0 }
}

/// The capacity in millionths, or `otherwise` where none is known.
fn capacity(ledger: &Ledger, otherwise: f64) -> f64 {
    let known = ledger.capacity().map(|capacity| in_f64(capacity.micros()));
    known.map_or(otherwise * Load::SCALE, |known| known.max(1.0))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "16 digits are enough to judge by"
)]
const fn in_f64(micros: i64) -> f64 {
    micros as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of a float saturates"
)]
fn micros(load: f64) -> Load {
    Load::from_micros((load as i64).clamp(0, Load::LARGEST.micros()))
}

#[cfg(test)]
mod tests;
