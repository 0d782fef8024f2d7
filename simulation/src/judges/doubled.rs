//! **doubled**: no request is booked twice beyond what the contract allows.
//!
//! Without a key a sending books once at most, whatever happens: the proxy asks a second substation only where the first
//! certainly did not book.
//!
//! With a key all sendings of a charge book once, as long as what decides where the key belongs knows of it
//! (docs/errors.md, "Asking again", and docs/operations/fleet.md). Forgiven is a second booking
//!
//! - where the substation of the first has lost it with its keys: it died without a journal;
//! - where the second came through a proxy that can't know of the first: there is no store, and another proxy, or one that
//!   was killed meanwhile, had sent it. What such a proxy knows again from its state file is not forgiven. Nor is it if the
//!   client named the substation of the first by `x-possible-holder`, and that substation was listed;
//! - where the store has lost the claim: it was made in the moments that the store lost when it died. Only another proxy may
//!   double it then;
//! - where the proxies go by their own keys while the store is away, and it was away for one of the two.
//!
//! A process that takes over in an upgrade knows all that the one before knew, and so does one that starts from the file of
//! one that was stopped.

use std::{collections::BTreeSet, time::Duration};

use switchyard_idempotency::KeyHash;

use crate::world::{
    event::{Ask, Booking, Event, RequestId, What},
    plan::{Fault, Machine},
};

use super::{
    Facts, Judge, Objection,
    facts::{Request, Session, disturbs},
};

/// How long an outage of the store is felt: proxies connect again within half a second, and trust it after a check.
const FELT: Duration = Duration::from_secs(2);
/// What a store's last moments may be longer than was planned.
const SLACK: Duration = Duration::from_millis(500);
/// How long a substation that was not listed may still be unknown.
const UNLISTED: Duration = Duration::from_secs(6);

#[derive(Default)]
pub(super) struct Doubled {
    booked: BTreeSet<RequestId>,
}

impl Judge for Doubled {
    fn name(&self) -> &'static str {
        "doubled"
    }

    fn see(&mut self, event: &Event, facts: &Facts) -> Result<(), Objection> {
        match &event.what {
            What::Booked { booking, .. } => {
                let Some(id) = booking.request else {
                    return Ok(());
                };
                let is_first = self.booked.insert(id);
                match &booking.key {
                    Some(key) => with_key(key, booking, id, facts),
                    None if is_first => Ok(()),
                    None => Err(format!(
                        "{id} has no key and is booked again, as {}",
                        booking.session
                    )),
                }
            }
            What::Answered { request, answer }
                if answer.code.as_deref() == Some("idempotency_key_reused") =>
            {
                Err(format!(
                    "{request} repeats a charge, and is told that its key belongs to another"
                ))
            }
            _ => Ok(()),
        }
    }
}

fn with_key(key: &str, booking: &Booking, id: RequestId, facts: &Facts) -> Result<(), Objection> {
    let Some(second) = facts.requests.get(id) else {
        return Ok(());
    };
    let Some(here) = facts.sessions.get(&booking.session) else {
        return Ok(());
    };
    for (name, first) in facts.sessions.of_key(key) {
        if name == booking.session || first.is_forgotten {
            continue;
        }
        if first.substation == here.substation {
            return Err(format!(
                "s{} books the key {key} twice, as {name} and {}",
                here.substation, booking.session
            ));
        }
        let sent = first.request.and_then(|id| facts.requests.get(id));
        let Some(sent) = sent else { continue };
        if let Some(why) = must_have_known(first, sent, second, id, facts) {
            return Err(format!(
                "the key {key} is booked at s{} as {name} and at s{} as {}, although {why}",
                first.substation, here.substation, booking.session
            ));
        }
    }
    Ok(())
}

/// Why a request must not have been booked once more, if there is a reason.
fn must_have_known(
    first: &Session,
    sent: &Request,
    second: &Request,
    id: RequestId,
    facts: &Facts,
) -> Option<&'static str> {
    if facts
        .families
        .knows(second.family, sent.family, first.booked)
    {
        return Some("one and the same proxy had sent both");
    }
    let Some(store) = facts.plan.settings.store else {
        let named = names_holder(second, first.substation, id, facts);
        return named.then_some("its client named the first as the possible holder");
    };
    let lost = store_lost(sent.asked, first.booked, facts);
    let local = !store.refuses
        && [(sent.asked, first.booked), (second.asked, facts.now)]
            .into_iter()
            .any(|(from, to)| store_was_away(from, to, facts));
    (!lost && !local).then_some("the proxies share a store")
}

/// Whether the store has lost what it was told between these times.
fn store_lost(from: Duration, to: Duration, facts: &Facts) -> bool {
    facts
        .outages
        .losses(SLACK)
        .any(|(since, until)| from <= until && since <= to)
}

/// Whether the store could not be asked at some time between, by any proxy.
fn store_was_away(from: Duration, to: Duration, facts: &Facts) -> bool {
    let proxies = facts.plan.proxies.clone();
    let away = |fault: &Fault| match fault {
        Fault::StoreSlow { .. } | Fault::StoreDies { .. } => true,
        _ => proxies
            .iter()
            .any(|&proxy| disturbs(fault, Machine::Proxy(proxy), Machine::Store)),
    };
    facts
        .outages
        .any_within(from.saturating_sub(FELT), to, away)
}

/// Whether the client of a repetition has named this substation, and its proxy had to go by that: it had never heard of the
/// key, and the substation was listed.
fn names_holder(second: &Request, substation: usize, id: RequestId, facts: &Facts) -> bool {
    let Ask::Charge {
        holder: Some(holder),
        ..
    } = &second.ask
    else {
        return false;
    };
    let Some(plan) = facts.plan.substation(substation) else {
        return false;
    };
    let had_heard = facts.requests.sendings(id).any(|(other, request)| {
        other != id && request.asked <= second.asked && request.proxy == second.proxy
    });
    let unlisted = |fault: &Fault| match fault {
        Fault::Unlisted { substation: at } => *at == substation,
        Fault::NothingListed => true,
        _ => false,
    };
    let then = second.asked.saturating_sub(UNLISTED);
    *holder == sign(&plan.name()) && !had_heard && !facts.outages.any_since(then, unlisted)
}

/// The `x-possible-holder` of a substation with this name.
pub(super) fn sign(name: &str) -> String {
    let hash = KeyHash::of(["x-possible-holder: ", name].concat().as_bytes());
    format!("{:016x}", hash.number())
}

#[cfg(test)]
mod tests;
