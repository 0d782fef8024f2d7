//! **acknowledged**: a client that is told 2xx has a booking, at the substation that the answer names, of the load that it
//! asked for, and later it is still found.
//!
//! This is the first promise of the proxy: an answer is passed on only if it came whole from the substation that booked. The
//! judge compares each 2xx with the account of that substation. With a key the session may be that of an earlier sending of
//! the same charge; without, it must be this sending's own. It also objects to a booking that no client has asked for, or of
//! another load, because that is a request that was mixed up with another or read beyond its end.
//!
//! A session that draws load must also be found: 404 to a look at it is an objection, unless its substation was not listed.

use crate::world::{
    event::{Answer, Ask, Booking, Event, RequestId, What},
    plan::{Fault, SubstationPlan},
};

use super::{Facts, Judge, Objection};

/// Loads are sent as text and read as numbers.
const EXACT: f64 = 1e-6;

pub(super) struct Acknowledged;

impl Judge for Acknowledged {
    fn name(&self) -> &'static str {
        "acknowledged"
    }

    fn see(&mut self, event: &Event, facts: &Facts) -> Result<(), Objection> {
        match &event.what {
            What::Booked {
                substation,
                booking,
            } => asked_for(*substation, booking, facts),
            What::Answered { request, answer } => match &facts.requests.get(*request) {
                Some(asked) => match &asked.ask {
                    Ask::Charge { key, .. } if (200..=299).contains(&answer.status) => {
                        is_booked(*request, key.is_some(), answer, facts)
                    }
                    Ask::Look { session } if answer.status == 404 => {
                        is_gone(*request, session, facts)
                    }
                    _ => Ok(()),
                },
                None => Err(format!("{request} is answered, and was never asked")),
            },
            _ => Ok(()),
        }
    }
}

fn asked_for(substation: usize, booking: &Booking, facts: &Facts) -> Result<(), Objection> {
    let session = &booking.session;
    let asked = booking.request.and_then(|id| facts.requests.get(id));
    match asked.map(|asked| &asked.ask) {
        Some(Ask::Charge { load, key, .. }) => {
            if (load - booking.load).abs() > EXACT {
                return Err(format!(
                    "s{substation} booked {session} with a load of {}, and its client asked for {load}",
                    booking.load
                ));
            }
            if *key != booking.key {
                return Err(format!(
                    "s{substation} booked {session} for the key {:?}, and its client sent {key:?}",
                    booking.key
                ));
            }
            Ok(())
        }
        _ => Err(format!(
            "s{substation} booked {session}, for which no client asked"
        )),
    }
}

fn is_booked(
    request: RequestId,
    has_key: bool,
    answer: &Answer,
    facts: &Facts,
) -> Result<(), Objection> {
    let Some(name) = &answer.session else {
        return Err(format!(
            "{request} is told {} without a session",
            answer.status
        ));
    };
    let Some(session) = facts.sessions.get(name) else {
        return Err(format!(
            "{request} is told that it is booked as {name}, which no substation has booked"
        ));
    };
    let own = session.request.is_some_and(|of| {
        of == request || has_key && (of.client, of.number) == (request.client, request.number)
    });
    if !own {
        return Err(format!(
            "{request} is told that it is booked as {name}, which is the session of another request"
        ));
    }
    let named = facts.plan.substation(session.substation);
    let named = named.map(SubstationPlan::name);
    if answer.substation != named {
        return Err(format!(
            "{request} is told that {name} is at {:?}, and it is at {named:?}",
            answer.substation
        ));
    }
    Ok(())
}

/// Whether a session that was not found is over, or at a substation that is not listed.
fn is_gone(request: RequestId, name: &str, facts: &Facts) -> Result<(), Objection> {
    let draws = facts.sessions.get(name).filter(|session| session.draws());
    let Some(session) = draws else {
        return Ok(());
    };
    let then = facts
        .requests
        .get(request)
        .map_or(facts.now, |asked| asked.asked);
    // A list is asked for again every few seconds.
    let then = then.saturating_sub(facts.polls(20));
    let unlisted = |fault: &Fault| match fault {
        Fault::Unlisted { substation } => *substation == session.substation,
        Fault::NothingListed => true,
        _ => false,
    };
    if facts.outages.any_since(then, unlisted) {
        return Ok(());
    }
    Err(format!(
        "{request} asks for {name}, which runs at s{}, and is told that there is none",
        session.substation
    ))
}

#[cfg(test)]
mod tests {
    use super::super::rig::Day;

    #[test]
    fn what_is_booked_once_and_told_is_right() {
        let mut day = Day::new();
        day.ask("c0-0.0", 0)
            .book("c0-0.0", 0, "s0-1")
            .told("c0-0.0", "s0-1");
        day.ask("c0-1.0", 0).told("c0-1.0", "503");
        day.passes();
    }

    #[test]
    fn a_session_that_is_not_there_is_objected_to() {
        let mut day = Day::new();
        day.ask("c0-0.0", 0).told("c0-0.0", "s0-1");
        day.fails("acknowledged", "no substation has booked");
    }

    #[test]
    fn the_session_of_another_request_is_no_answer() {
        let mut day = Day::new();
        day.ask("c0-0.0", 0).ask("c1-0.0", 0);
        day.book("c0-0.0", 0, "s0-1").told("c1-0.0", "s0-1");
        day.fails("acknowledged", "another request");
    }

    #[test]
    fn without_a_key_the_session_of_an_earlier_sending_is_no_answer_and_with_one_it_is() {
        let mut day = Day::new();
        day.ask("c0-0.0", 0).book("c0-0.0", 0, "s0-1");
        day.ask("c0-0.1", 0).told("c0-0.1", "s0-1");
        day.fails("acknowledged", "another request");
        let mut day = Day::new();
        day.keyed().ask("c0-0.0", 0).book("c0-0.0", 0, "s0-1");
        day.ask("c0-0.1", 0).told("c0-0.1", "s0-1");
        day.passes();
    }

    #[test]
    fn a_booking_that_no_client_asked_for_is_objected_to() {
        let mut day = Day::new();
        day.book("c0-0.0", 0, "s0-1");
        day.fails("acknowledged", "no client asked");
    }

    #[test]
    fn a_session_that_draws_load_is_found() {
        let mut day = Day::new();
        day.ask("c0-0.0", 0)
            .book("c0-0.0", 0, "s0-1")
            .told("c0-0.0", "s0-1");
        day.look("c0-1.0", "s0-1").told("c0-1.0", "404");
        day.fails("acknowledged", "is told that there is none");
        let mut day = Day::new();
        day.ask("c0-0.0", 0)
            .book("c0-0.0", 0, "s0-1")
            .told("c0-0.0", "s0-1");
        day.release("s0-1")
            .look("c0-1.0", "s0-1")
            .told("c0-1.0", "404");
        day.passes();
    }
}
