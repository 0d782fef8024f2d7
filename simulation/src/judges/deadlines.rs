//! **deadlines**: every request is answered, or its connection ends, by its deadline.
//!
//! A client may send for `timeouts.client`, the proxy then has `timeouts.request` for all it does, and a last connect may run
//! over by `timeouts.connect`. What links take comes on top, and so does what a client reads slowly. While the way between a
//! client and its proxy is broken, or the proxy's machine is, nothing can be promised. At the end of the day no request may
//! be open.

use std::time::Duration;

use crate::world::{
    event::{Checkpoint, Event, Loss, RequestId, What},
    plan::{ClientPlan, Machine},
};

use super::{
    Facts, Judge, Objection,
    facts::{Request, Told},
};

/// For packets that cross, timers that are coarse, and one segment that is sent again.
const SLACK: Duration = Duration::from_secs(1);
/// What a client that reads slowly takes at most.
const SIPS: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Deadlines {
    open: Vec<RequestId>,
}

impl Judge for Deadlines {
    fn name(&self) -> &'static str {
        "deadlines"
    }

    fn see(&mut self, event: &Event, facts: &Facts) -> Result<(), Objection> {
        match &event.what {
            What::Asked { request, .. } => {
                self.open.push(*request);
                Ok(())
            }
            What::Answered { request, .. }
            | What::Lost { request, .. }
            | What::Left { request } => {
                self.open.retain(|open| open != request);
                match facts.requests.get(*request) {
                    Some(known) => in_time(*request, known, facts),
                    None => Ok(()),
                }
            }
            What::Reached(Checkpoint::End) => match self.open.first() {
                None => Ok(()),
                Some(open) => Err(format!("{open} was never answered")),
            },
            _ => Ok(()),
        }
    }
}

fn in_time(id: RequestId, request: &Request, facts: &Facts) -> Result<(), Objection> {
    let Some((at, told)) = &request.told else {
        return Ok(());
    };
    if *told == Told::Left {
        return Ok(());
    }
    let settings = &facts.plan.settings;
    let mut clients = facts.plan.clients.iter();
    let sips = clients
        .find(|client| client.id == id.client)
        .is_some_and(|client: &ClientPlan| client.sips > 0.0);
    let link = (facts.plan.link.delay + facts.plan.link.jitter) * 8;
    let allowed = settings.deadline() + link + SLACK + if sips { SIPS } else { Duration::ZERO };
    let took = at.saturating_sub(request.asked);
    let is_late = took > allowed || *told == Told::Lost(Loss::Silent);
    let (client, proxy) = (Machine::Client(id.client), Machine::Proxy(request.proxy));
    if is_late && !facts.outages.touched(client, proxy, request.asked) {
        return Err(format!(
            "{id} is over after {:.3} s ({told:?}), and may take {:.3} s",
            took.as_secs_f64(),
            allowed.as_secs_f64()
        ));
    }
    if *told == Told::Lost(Loss::Malformed) {
        return Err(format!("{id} is answered with what is no HTTP"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::world::{
        event::Checkpoint,
        plan::{Fault, Machine},
    };

    use super::super::rig::Day;

    #[test]
    fn what_is_answered_or_lost_in_time_is_right() {
        let mut day = Day::new();
        day.ask("c0-0.0", 0).wait(4_000).told("c0-0.0", "503");
        day.ask("c0-1.0", 0).wait(4_000).lost("c0-1.0");
        day.reached(Checkpoint::End);
        day.passes();
    }

    #[test]
    fn what_takes_longer_is_found_unless_the_way_is_broken() {
        let mut day = Day::new();
        day.ask("c0-0.0", 0).wait(20_000).told("c0-0.0", "503");
        day.fails("deadlines", "c0-0.0 is over after 20");
        let cut = Fault::Cut {
            from: Machine::Proxy(0),
            to: Machine::Client(0),
        };
        let mut day = Day::new();
        day.ask("c0-0.0", 0)
            .fault(0, cut.clone())
            .wait(20_000)
            .mended(0)
            .told("c0-0.0", "503");
        day.passes();
        let mut day = Day::new();
        day.fault(0, cut)
            .wait(10)
            .mended(0)
            .wait(10)
            .ask("c0-0.0", 0);
        day.wait(20_000).told("c0-0.0", "503");
        day.fails("deadlines", "c0-0.0 is over after 20");
    }

    #[test]
    fn a_request_that_is_open_at_the_end_is_found() {
        let mut day = Day::new();
        day.ask("c0-0.0", 0).wait(1_000).reached(Checkpoint::End);
        day.fails("deadlines", "never answered");
    }

    #[test]
    fn so_is_a_silence_and_what_is_no_answer() {
        let mut day = Day::new();
        day.ask("c0-0.0", 0).wait(100).silence("c0-0.0");
        day.fails("deadlines", "Silent");
        let mut day = Day::new();
        day.ask("c0-0.0", 0).wait(100).nonsense("c0-0.0");
        day.fails("deadlines", "no HTTP");
    }
}
