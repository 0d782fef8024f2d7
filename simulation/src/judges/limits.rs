//! **limits**: no proxy exceeds the limit of a substation or of a feeder by its own bookings.
//!
//! A proxy knows all that it books, so what runs of its bookings never adds up to more than the limit, however old the gauges
//! are. Several proxies may exceed a feeder's limit together, between two polls, and the documents say by how much; each by
//! itself must not. So the judge adds up the sessions of each *family* of processes that share a memory, for each substation
//! and each feeder above.
//!
//! A limit that an operator has set at a proxy holds there from the moment in which the command is answered. During an upgrade
//! the new process answers, and the one before does not learn of it; what that one still books for its last clients is
//! forgiven.
//!
//! What does not count as an own booking:
//!
//! - what a substation booked after the proxy had given up on it: the answer was "may be booked", or the client had gone;
//! - what was asked before the process had its first samples: it can't know what is there;
//! - with loads that end with their answers: those whose answers were lost, since only the substation knows when they end.
//!
//! While a gauge below a limit lies, hangs or can't be reached, and for some polls after, the proxy can't tell what has ended
//! from what runs, and nothing is judged there. After that a booking on top of what is too much is objected to.

use std::{collections::BTreeMap, time::Duration};

use crate::world::{
    event::{Event, What},
    plan::{Fault, Lasts, Machine, Settings},
};

use super::{
    Facts, Judge, Objection,
    facts::{Family, Session, Told, disturbs},
};

/// Rounding of sums that were written as text.
const EXACT: f64 = 1e-6;
/// For so many polls after a fault a gauge may be behind.
const POLLS: u32 = 4;

#[derive(Default)]
pub(super) struct Limits {
    /// Since when each proxy has had samples.
    ready: BTreeMap<usize, Duration>,
    /// What operators have set, by the proxy and the name of the substation or feeder: the limit, and since when it holds.
    set: BTreeMap<(usize, String), (f64, Duration)>,
}

impl Judge for Limits {
    fn name(&self) -> &'static str {
        "limits"
    }

    fn see(&mut self, event: &Event, facts: &Facts) -> Result<(), Objection> {
        match &event.what {
            What::Started {
                proxy,
                is_upgrade: false,
                ..
            } => {
                // A first round of samples takes one poll, or two.
                self.ready.insert(*proxy, event.at + facts.polls(2));
                // It may not know of limits; where it does, by its file, that is more than is asked here.
                self.set.retain(|(at, _), _| at != proxy);
                Ok(())
            }
            What::LimitAnswered {
                proxy,
                name,
                value: Some(value),
                status: Some(200),
            } => {
                let limit = (*value, event.at);
                self.set.insert((*proxy, name.clone()), limit);
                Ok(())
            }
            // It is about to be taken away.
            What::FaultEnded {
                fault: Fault::Limit { proxy, .. },
                ..
            } => {
                self.set.retain(|(at, _), _| at != proxy);
                Ok(())
            }
            What::Booked {
                substation,
                booking,
            } => match facts.sessions.get(&booking.session) {
                Some(session) => self.judge(*substation, session, facts),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

impl Limits {
    fn judge(&self, substation: usize, session: &Session, facts: &Facts) -> Result<(), Objection> {
        let Some(family) = session.family else {
            return Ok(());
        };
        if !self.is_own(session, family, facts) {
            return Ok(());
        }
        let places = [(None, capacity(substation, facts))];
        let feeders = facts.feeders_above(substation).into_iter();
        let feeders = feeders.map(|feeder| (Some(feeder), room(feeder, facts)));
        for (feeder, capacity) in places.into_iter().chain(feeders) {
            let place = match feeder {
                None => format!("s{substation}"),
                Some(feeder) => Settings::feeder_name(feeder),
            };
            let set = self.set(family.proxy, &place, session, facts);
            let Some(limit) = capacity.into_iter().chain(set).reduce(f64::min) else {
                continue;
            };
            let is_below = |at: usize| match feeder {
                None => at == substation,
                Some(feeder) => facts.feeders_above(at).contains(&feeder),
            };
            if is_blind(is_below, facts) {
                continue;
            }
            let own: f64 = facts
                .sessions
                .drawing()
                .filter(|one| is_below(one.substation) && self.is_own(one, family, facts))
                .map(|one| one.load)
                .sum();
            if own > limit + EXACT {
                return Err(format!(
                    "p{} has {own} booked below {place}, which may bear {limit}",
                    family.proxy
                ));
            }
        }
        Ok(())
    }

    /// What an operator has set at a proxy, if that was answered before the session was asked for.
    fn set(&self, proxy: usize, place: &str, session: &Session, facts: &Facts) -> Option<f64> {
        let (limit, since) = self.set.get(&(proxy, place.to_owned()))?;
        if facts.families.hands_over(proxy) {
            return None;
        }
        let asked = facts.requests.get(session.request?)?.asked;
        (asked > *since).then_some(*limit)
    }

    /// Whether a session counts as one that this family knows of.
    fn is_own(&self, session: &Session, family: Family, facts: &Facts) -> bool {
        if session.family != Some(family) || session.is_late {
            return false;
        }
        let asked = session.request.and_then(|id| facts.requests.get(id));
        let Some(asked) = asked else { return false };
        let ready = self.ready.get(&family.proxy);
        if ready.is_some_and(|ready| asked.asked < *ready) {
            return false;
        }
        let is_lost = !matches!(&asked.told, None | Some((_, Told::Booked(_))));
        !(facts.plan.settings.lasts == Lasts::Answer && is_lost)
    }
}

fn capacity(substation: usize, facts: &Facts) -> Option<f64> {
    facts.plan.substation(substation).map(|one| one.capacity)
}

fn room(feeder: usize, facts: &Facts) -> Option<f64> {
    let feeder = facts.plan.settings.feeders.get(feeder)?;
    Some(feeder.capacity)
}

/// Whether a gauge below a limit can't be read, or is not to be believed, or was so a moment ago.
fn is_blind(is_below: impl Fn(usize) -> bool, facts: &Facts) -> bool {
    let then = facts.now.saturating_sub(facts.polls(POLLS));
    let below: Vec<usize> = facts
        .plan
        .substations
        .iter()
        .map(|substation| substation.id)
        .filter(|&id| is_below(id))
        .collect();
    let hides = |fault: &Fault| match fault {
        Fault::Lies { substation, .. }
        | Fault::Unlisted { substation }
        | Fault::Dies { substation } => is_below(*substation),
        Fault::NothingListed => true,
        _ => facts.plan.proxies.iter().any(|&proxy| {
            below.iter().any(|&id| {
                disturbs(fault, Machine::Proxy(proxy), Machine::Substation(id))
                    && !matches!(fault, Fault::KillProxy { .. } | Fault::Upgrade { .. })
            })
        }),
    };
    facts.outages.any_since(then, hides)
}

#[cfg(test)]
mod tests {
    use crate::world::plan::{Fault, Gauge};

    use super::super::rig::Day;

    /// Books so many sessions of 10 at s0, of 100, through p0.
    fn book(day: &mut Day, count: usize) {
        for number in 0..count {
            let (id, session) = (format!("c0-{number}.0"), format!("s0-{number}"));
            day.ask(&id, 0).book(&id, 0, &session).told(&id, &session);
        }
    }

    #[test]
    fn a_substation_may_be_filled_to_its_brim() {
        let mut day = Day::new();
        day.wait(5_000);
        book(&mut day, 10);
        day.release("s0-3")
            .ask("c1-0.0", 0)
            .book("c1-0.0", 0, "s0-x");
        day.passes();
    }

    #[test]
    fn one_more_is_found() {
        let mut day = Day::new();
        day.wait(5_000);
        book(&mut day, 11);
        day.fails("limits", "p0 has 110 booked below s0, which may bear 100");
    }

    #[test]
    fn a_limit_above_several_is_found_too() {
        let mut day = Day::new();
        day.with_feeder(50.0).wait(5_000);
        book(&mut day, 3);
        for number in 0..3 {
            let (id, session) = (format!("c1-{number}.0"), format!("s1-{number}"));
            day.ask(&id, 0).book(&id, 1, &session).told(&id, &session);
        }
        day.fails(
            "limits",
            "p0 has 60 booked below feeder0, which may bear 50",
        );
    }

    #[test]
    fn another_proxy_and_one_that_was_given_up_are_not_its_own() {
        let mut day = Day::new();
        day.wait(5_000);
        book(&mut day, 10);
        day.ask("c1-0.0", 1).book("c1-0.0", 0, "s0-other");
        day.ask("c1-1.0", 0)
            .told("c1-1.0", "504?")
            .book("c1-1.0", 0, "s0-late");
        day.passes();
    }

    #[test]
    fn a_limit_that_an_operator_has_set_holds_once_it_is_answered() {
        let mut day = Day::new();
        day.wait(5_000).ask("c1-0.0", 0).limit(0, "s0", 5.0);
        day.book("c1-0.0", 0, "s0-before")
            .told("c1-0.0", "s0-before");
        day.passes();
        day.ask("c1-1.0", 0).book("c1-1.0", 0, "s0-after");
        day.fails("limits", "20 booked below s0, which may bear 5");
    }

    #[test]
    fn while_a_gauge_lies_nothing_is_judged_and_after_it_everything() {
        let mut day = Day::new();
        let lie = Fault::Lies {
            substation: 0,
            gauge: Gauge::Times(0.0),
        };
        day.wait(5_000).fault(0, lie);
        book(&mut day, 12);
        day.wait(1_000).mended(0).wait(5_000);
        day.passes();
        day.ask("c1-0.0", 0).book("c1-0.0", 0, "s0-x");
        day.fails("limits", "130 booked below s0");
    }
}
