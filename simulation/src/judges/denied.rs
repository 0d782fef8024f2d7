//! **denied**: a client that is told "not booked" has no booking, neither then nor later.
//!
//! Clients drive on when they are refused, or ask again without a key. So every error that does not say "may be booked" is a
//! promise that this sending will never book: a request that is still on its way to a substation must not be answered so.
//! A substation's own 4xx, 429 and 503 promise the same; its other errors promise nothing.

use std::collections::BTreeMap;

use crate::world::event::{Event, RequestId, What};

use super::{
    Facts, Judge, Objection,
    facts::{Request, Told},
};

#[derive(Default)]
pub(super) struct Denied {
    booked: BTreeMap<RequestId, String>,
}

impl Judge for Denied {
    fn name(&self) -> &'static str {
        "denied"
    }

    fn see(&mut self, event: &Event, facts: &Facts) -> Result<(), Objection> {
        let request = match &event.what {
            What::Booked { booking, .. } => {
                let Some(request) = booking.request else {
                    return Ok(());
                };
                self.booked.insert(request, booking.session.clone());
                request
            }
            What::Answered { request, .. } => *request,
            _ => return Ok(()),
        };
        let (Some(session), Some(words)) = (
            self.booked.get(&request),
            facts.requests.get(request).and_then(denial),
        ) else {
            return Ok(());
        };
        Err(format!(
            "{request} is booked as {session}, and its client is told \"{words}\""
        ))
    }
}

fn denial(request: &Request) -> Option<&str> {
    match &request.told {
        Some((_, Told::NotBooked(words))) => Some(words),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::Day;

    #[test]
    fn what_may_be_booked_may_be_booked_before_or_after() {
        let mut day = Day::new();
        day.ask("c0-0.0", 0)
            .told("c0-0.0", "504?")
            .book("c0-0.0", 0, "s0-1");
        day.ask("c0-1.0", 0)
            .book("c0-1.0", 0, "s0-2")
            .told("c0-1.0", "502?");
        day.passes();
    }

    #[test]
    fn a_refusal_of_what_is_booked_is_objected_to() {
        let mut day = Day::new();
        day.ask("c0-0.0", 0)
            .book("c0-0.0", 0, "s0-1")
            .told("c0-0.0", "503");
        day.fails("denied", "c0-0.0 is booked as s0-1");
    }

    #[test]
    fn so_is_a_booking_of_what_was_refused() {
        let mut day = Day::new();
        day.ask("c0-0.0", 0)
            .told("c0-0.0", "504")
            .book("c0-0.0", 0, "s0-1");
        day.fails("denied", "504");
    }

    #[test]
    fn one_sending_may_be_refused_where_another_is_booked() {
        let mut day = Day::new();
        day.ask("c0-0.0", 0).told("c0-0.0", "503");
        day.ask("c0-0.1", 0)
            .book("c0-0.1", 0, "s0-1")
            .told("c0-0.1", "s0-1");
        day.passes();
    }
}
