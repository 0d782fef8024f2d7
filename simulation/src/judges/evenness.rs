//! **evenness**: when the faults are over, load is even again within five polls.
//!
//! A substation that came back empty stays below the others until enough new load has come, so the judge does not compare
//! loads. It compares choices: a new session belongs where the utilisation with it is the lowest, of the substation and of
//! each feeder above.
//!
//! One proxy knows all of its own bookings, and of what has ended only what its last sample shows. So each substation's load
//! is known to it up to what ended within two polls, and its own to half of what crossed a scrape. Where the chosen one is
//! fuller than another even by the best reading of both, the choice is an objection. With several proxies each sees a part of
//! the others' bookings only with its next sample, and evens out its share; there the judge takes the mean of how far choices
//! were off, over all of the calm. So it is with one that was restarted or whose gauges lied: it has seen load that it did not
//! book, takes that for another's, and learns only slowly that it is alone (`crates/balance/src/share.rs`).
//!
//! Judged are substations that all proxies take for whole: in rotation with their full share, believed, without a limit of
//! requests and without a refusal that still counts. What a key belongs to is no choice. A proxy that does not take them for
//! whole ten polls after the last fault, and after the longest ejection, is an objection of its own.

use std::{collections::BTreeSet, time::Duration};

use crate::world::{
    event::{Booking, Checkpoint, Event, Probe, What},
    plan::Fault,
};

use super::{Facts, Judge, Objection, pages::Page, truth::is_out_for_good_reason};

/// After so many polls choices are even.
const POLLS: u32 = 5;
/// A difference in utilisation that no proxy is asked to see: of equal ones a key prefers its own.
const NEAR: f64 = 0.02;
/// So full that promises and queues decide, not choices.
const CROWDED: f64 = 0.7;
/// By how much choices of several proxies may be off, on average.
const MEAN: f64 = 0.2;
/// Of so many choices at least.
const ENOUGH: u32 = 20;

#[derive(Default)]
pub(super) struct Evenness {
    /// Substations that some proxy does not take for whole.
    unfit: BTreeSet<usize>,
    /// Whether proxies were asked since it is calm.
    was_asked: bool,
    off: f64,
    choices: u32,
    /// How many processes of proxies have begun.
    processes: u32,
}

impl Judge for Evenness {
    fn name(&self) -> &'static str {
        "evenness"
    }

    fn see(&mut self, event: &Event, facts: &Facts) -> Result<(), Objection> {
        match &event.what {
            What::Started { .. } => {
                self.processes += 1;
                Ok(())
            }
            What::Reached(Checkpoint::Calm(_)) => {
                self.unfit.clear();
                self.was_asked = true;
                Ok(())
            }
            What::Reached(Checkpoint::End) => self.mean(facts),
            What::Probed {
                proxy,
                checkpoint: Checkpoint::Calm(_),
                probe: Some(probe),
                ..
            } => self.look(*proxy, probe, facts),
            What::Booked {
                substation,
                booking,
            } if self.was_asked && facts.now >= even_from(facts) => {
                self.choice(*substation, booking, facts)
            }
            _ => Ok(()),
        }
    }
}

/// From when on choices have to be even.
fn even_from(facts: &Facts) -> Duration {
    let settings = &facts.plan.settings;
    facts.plan.calm_from + settings.longest_ejection + settings.slow_start + facts.polls(POLLS)
}

impl Evenness {
    /// Notes which substations a proxy does not take for whole.
    fn look(&mut self, proxy: usize, probe: &Probe, facts: &Facts) -> Result<(), Objection> {
        let page = Page::read(&probe.status)?;
        for one in &page.substations {
            let Some(id) = one.id() else { continue };
            let is_whole = one.state == "up"
                && one.health.share >= 1.0
                && one.health.refuses_from.is_none()
                && one.request_limit.is_none()
                && !one.distrusted;
            if !is_whole {
                self.unfit.insert(id);
            }
            let is_out = one.state != "up" && !is_out_for_good_reason(proxy, id, one, facts);
            if is_out && facts.now >= even_from(facts) {
                return Err(format!(
                    "p{proxy} has {} in state {}, and all faults were over by {:.3} s",
                    one.name,
                    one.state,
                    facts.plan.calm_from.as_secs_f64()
                ));
            }
        }
        Ok(())
    }

    fn choice(&mut self, chosen: usize, booking: &Booking, facts: &Facts) -> Result<(), Objection> {
        let is_repetition = booking
            .request
            .is_none_or(|request| request.sending > 0 && booking.key.is_some());
        if is_repetition || self.unfit.contains(&chosen) {
            return Ok(());
        }
        let is_alone = self.is_alone(facts);
        let least = least(chosen, booking.load, is_alone, facts);
        let others = facts.plan.substations.iter().map(|one| one.id);
        let others = others.filter(|id| *id != chosen && !self.unfit.contains(id));
        let best = others
            .map(|id| (most(id, booking.load, facts), id))
            .filter(|(utilisation, _)| *utilisation < CROWDED)
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((best, at)) = best else {
            return Ok(());
        };
        let step = booking.load / capacity(at, facts);
        let off = (least - best - NEAR - step).max(0.0);
        self.off += off;
        self.choices += 1;
        if is_alone && off > 0.0 {
            return Err(format!(
                "{} went to s{chosen}, which is {:.1} % full at least with it, and s{at} would be {:.1} % full at most",
                booking.session,
                100.0 * least,
                100.0 * best
            ));
        }
        Ok(())
    }

    /// Whether a single process has booked all that there is, and could see so.
    fn is_alone(&self, facts: &Facts) -> bool {
        let lies = |fault: &Fault| matches!(fault, Fault::Lies { .. });
        self.processes == 1 && !facts.outages.any_since(Duration::ZERO, lies)
    }

    fn mean(&self, facts: &Facts) -> Result<(), Objection> {
        let mean = self.off / f64::from(self.choices.max(1));
        if !self.is_alone(facts) && self.choices >= ENOUGH && mean > MEAN {
            return Err(format!(
                "{} choices after the last fault were off by {:.1} % on average",
                self.choices,
                100.0 * mean
            ));
        }
        Ok(())
    }
}

fn capacity(id: usize, facts: &Facts) -> f64 {
    facts.plan.substation(id).map_or(1.0, |one| one.capacity)
}

/// How full the chosen one is with the session, at least, by what its proxy can know.
fn least(chosen: usize, load: f64, is_alone: bool, facts: &Facts) -> f64 {
    let then = facts.now.saturating_sub(facts.polls(2));
    let (grown, _) = facts.sessions.changes_since(chosen, then);
    // The session itself is among what has come.
    let unseen = (grown - load).max(0.0) * if is_alone { 0.5 } else { 1.0 };
    (facts.sessions.load(chosen) - unseen) / capacity(chosen, facts)
}

/// How full another would be with it, at most: on its whole path.
fn most(id: usize, load: f64, facts: &Facts) -> f64 {
    let then = facts.now.saturating_sub(facts.polls(2));
    // What ended since the last sample still counts there, and so do requests that are under way.
    let known = |id: usize| {
        let (_, fallen) = facts.sessions.changes_since(id, then);
        facts.sessions.load(id) + fallen + facts.requests.load_under_way()
    };
    let own = (known(id) + load) / capacity(id, facts);
    let feeders = facts.feeders_above(id).into_iter().map(|feeder| {
        let below = facts.plan.substations.iter().map(|one| one.id);
        let below = below.filter(|&id| facts.feeders_above(id).contains(&feeder));
        let total: f64 = below.map(known).sum();
        let limit = facts.plan.settings.feeders.get(feeder);
        limit.map_or(0.0, |limit| (total + load) / limit.capacity)
    });
    feeders.fold(own, f64::max)
}

#[cfg(test)]
mod tests;
