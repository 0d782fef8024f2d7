//! **truth**: when everything is over, all gauges of each proxy say what is so.
//!
//! At the end of the day no client is connected, no request is under way, every substation is up, honest and listed, and a
//! few polls have passed. Then nothing may be in flight, waiting or unseen, every substation is in rotation, and the load
//! that the proxy knows is the one that the substation bears: a booking that was counted twice, or a reservation that was
//! never given back, shows here. A gauge that lied may still be distrusted; its estimate is the proxy's own, and free. And a
//! proxy that was killed may drain again what it drained before: the word that ended it was not in its file yet, or is what
//! the store has lost. A substation that was ejected comes back by a trial, for which its proxy must have had requests.

use std::time::Duration;

use crate::world::{
    event::{Checkpoint, Event, Probe, What},
    plan::Fault,
};

use super::{
    Facts, Judge, Objection,
    pages::{IDLE, Listed, Page, sum},
};

/// Rounding of sums that were written as text, in millionths.
const EXACT: f64 = 1e-3;
/// In how many polls a sample is as old as it can be: one, and the time of a scrape.
const POLLS: u32 = 3;

pub(super) struct Truth;

impl Judge for Truth {
    fn name(&self) -> &'static str {
        "truth"
    }

    fn see(&mut self, event: &Event, facts: &Facts) -> Result<(), Objection> {
        let What::Probed {
            proxy,
            checkpoint: Checkpoint::End,
            probe,
            ..
        } = &event.what
        else {
            return Ok(());
        };
        let Some(probe) = probe else {
            return Err(format!("p{proxy} does not answer when everything is over"));
        };
        look(*proxy, probe, facts).map_err(|words| format!("p{proxy}: {words}"))
    }
}

fn look(proxy: usize, probe: &Probe, facts: &Facts) -> Result<(), Objection> {
    for family in IDLE {
        let value = sum(&probe.metrics, family);
        if value != 0.0 {
            return Err(format!("{family} is {value}, and nothing is under way"));
        }
    }
    let page = Page::read(&probe.status)?;
    for plan in &facts.plan.substations {
        let name = plan.name();
        let listed = page.substations.iter().find(|one| one.name == name);
        let Some(listed) = listed else {
            return Err(format!("{name} is listed, and not in /status"));
        };
        if !is_out_for_good_reason(proxy, plan.id, listed, facts) {
            compare(plan.id, listed, facts)?;
        }
    }
    Ok(())
}

/// So many requests for each substation are enough for the trial of each.
const TRIALS: u64 = 5;

/// Whether a proxy may keep a substation out of rotation although all is well.
pub(super) fn is_out_for_good_reason(
    proxy: usize,
    id: usize,
    listed: &Listed,
    facts: &Facts,
) -> bool {
    let asked = facts.requests.asked_since(proxy, facts.plan.calm_from);
    let substations = facts.plan.substations.iter().map(|_| 1).sum::<u64>();
    listed.state == "ejected" && asked < TRIALS * substations
        || is_drained_again(proxy, id, listed, facts)
}

/// Whether a proxy may have forgotten that a drain is over.
fn is_drained_again(proxy: usize, id: usize, listed: &Listed, facts: &Facts) -> bool {
    let drained =
        |fault: &Fault| matches!(fault, Fault::Drain { substation, .. } if *substation == id);
    let loses = |fault: &Fault| matches!(fault, Fault::StoreDies { loses } if !loses.is_zero());
    let day = Duration::ZERO;
    listed.state == "draining"
        && facts.outages.any_since(day, drained)
        && (facts.families.has_died(proxy) || facts.outages.any_since(day, loses))
}

fn compare(id: usize, listed: &Listed, facts: &Facts) -> Result<(), Objection> {
    let name = &listed.name;
    if listed.state != "up" {
        return Err(format!("{name} is well, and in state {}", listed.state));
    }
    if listed.in_flight != 0 || listed.unseen_load.abs() > EXACT {
        return Err(format!(
            "{name} has {} requests in flight and an unseen load of {}, and nothing is under way",
            listed.in_flight, listed.unseen_load
        ));
    }
    // What has ended since the last sample may still be in it.
    let then = facts.now.saturating_sub(facts.polls(POLLS));
    let (_, fallen) = facts.sessions.changes_since(id, then);
    let load = facts.sessions.load(id);
    let is_true = |says: f64| says >= load - EXACT && says <= load + fallen + EXACT;
    let says = listed.current_load;
    if !says.is_some_and(is_true) {
        return Err(format!("{name} bears {load}, and /status says {says:?}"));
    }
    let estimated = listed.estimated_load;
    if !listed.distrusted && !is_true(estimated) {
        return Err(format!(
            "{name} bears {load}, and the ledger says {estimated}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::world::event::Checkpoint;

    use super::super::rig::Day;

    fn booked() -> Day {
        let mut day = Day::new();
        day.ask("c0-0.0", 0)
            .book("c0-0.0", 0, "s0-1")
            .told("c0-0.0", "s0-1");
        day.wait(10_000);
        day
    }

    #[test]
    fn what_is_so_is_right() {
        let mut day = booked();
        let load = json!({"current_load": 10.0, "estimated_load": 10.0});
        day.probe(Checkpoint::End, "s0", &load);
        day.passes();
    }

    #[test]
    fn what_has_just_ended_may_still_be_in_the_sample() {
        let mut day = booked();
        day.release("s0-1").probe(
            Checkpoint::End,
            "s0",
            &json!({"current_load": 10.0, "estimated_load": 10.0}),
        );
        day.passes();
        let mut day = booked();
        day.release("s0-1").wait(10_000).probe(
            Checkpoint::End,
            "s0",
            &json!({"current_load": 10.0, "estimated_load": 10.0}),
        );
        day.fails("truth", "s0 bears 0");
    }

    #[test]
    fn whatever_else_it_says_is_objected_to() {
        for (says, words) in [
            (
                json!({"current_load": 10.0, "estimated_load": 21.0}),
                "the ledger says 21",
            ),
            (
                json!({"current_load": 0.0, "estimated_load": 10.0}),
                "/status says Some(0.0)",
            ),
            (
                json!({"current_load": null, "estimated_load": 10.0}),
                "/status says None",
            ),
            (
                json!({"current_load": 10.0, "estimated_load": 10.0, "unseen_load": 1.0}),
                "unseen load of 1",
            ),
            (
                json!({"current_load": 10.0, "estimated_load": 10.0, "state": "down"}),
                "in state down",
            ),
        ] {
            let mut day = booked();
            day.probe(Checkpoint::End, "s0", &says);
            day.fails("truth", words);
        }
    }

    #[test]
    fn a_gauge_that_does_not_return_to_zero_is_found() {
        let mut day = Day::new();
        day.metrics("switchyard_connections 1\n")
            .probe(Checkpoint::End, "s0", &json!({}));
        day.fails("truth", "switchyard_connections is 1");
    }

    #[test]
    fn a_proxy_that_does_not_answer_any_more_is_found() {
        let mut day = Day::new();
        day.silent(Checkpoint::End);
        day.fails("truth", "does not answer");
    }
}
