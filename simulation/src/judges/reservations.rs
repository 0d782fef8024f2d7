//! **reservations**: at no time does a proxy count more requests under way than clients have open, a load below zero, or a
//! panic.
//!
//! A reservation ends once: as booked, refused or unknown. One that ends twice makes a number negative, and a number that is
//! negative reads as one that is huge; one that never ends makes a number that is too large. Both show on `/status`, which
//! is asked at every checkpoint, in the middle of the storm too. What must be left when everything is over is up to *truth*.

use crate::world::event::{Event, Probe, What};

use super::{
    Facts, Judge, Objection,
    pages::{PANICS, Page, sum},
};

/// Rounding of sums that were written as text.
const EXACT: f64 = 1e-6;

pub(super) struct Reservations;

impl Judge for Reservations {
    fn name(&self) -> &'static str {
        "reservations"
    }

    fn see(&mut self, event: &Event, facts: &Facts) -> Result<(), Objection> {
        let What::Probed {
            proxy,
            probe: Some(probe),
            ..
        } = &event.what
        else {
            return Ok(());
        };
        look(*proxy, probe, facts).map_err(|words| format!("p{proxy}: {words}"))
    }
}

fn look(proxy: usize, probe: &Probe, facts: &Facts) -> Result<(), Objection> {
    let page = Page::read(&probe.status)?;
    let since = facts.now.saturating_sub(facts.plan.settings.deadline() * 2);
    let open = facts.requests.asked_since(proxy, since);
    for one in &page.substations {
        if one.in_flight > open {
            return Err(format!(
                "{} has {} requests under way, and clients have sent {open} that can be",
                one.name, one.in_flight
            ));
        }
        for (what, load) in [
            ("estimated", one.estimated_load),
            ("unseen", one.unseen_load),
        ] {
            if !load.is_finite() || load < -EXACT {
                return Err(format!("the {what} load of {} is {load}", one.name));
            }
        }
    }
    for feeder in &page.feeders {
        if !feeder.estimated_load.is_finite() || feeder.estimated_load < -EXACT {
            return Err(format!(
                "the estimated load of {} is {}",
                feeder.name, feeder.estimated_load
            ));
        }
    }
    let panics = sum(&probe.metrics, PANICS);
    if panics > 0.0 {
        return Err(format!("it has panicked, {panics} times"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::world::event::Checkpoint;

    use super::super::rig::Day;

    #[test]
    fn as_many_as_were_asked_may_be_under_way() {
        let mut day = Day::new();
        day.ask("c0-0.0", 0)
            .probe(Checkpoint::Storm, "s0", &json!({"in_flight": 1}));
        day.passes();
    }

    #[test]
    fn more_are_a_leak_and_below_zero_nothing_can_be() {
        for (what, words) in [
            (json!({"in_flight": 1}), "s0 has 1 requests under way"),
            (json!({"in_flight": -1}), "can't be read"),
            (json!({"in_flight": u64::MAX}), "requests under way"),
            (json!({"unseen_load": -11}), "unseen load of s0 is -11"),
            (
                json!({"estimated_load": -0.5}),
                "estimated load of s0 is -0.5",
            ),
        ] {
            let mut day = Day::new();
            day.probe(Checkpoint::Storm, "s0", &what);
            day.fails("reservations", words);
        }
    }

    #[test]
    fn a_panic_is_found() {
        let mut day = Day::new();
        day.metrics("switchyard_panics_total 1")
            .probe(Checkpoint::Storm, "s0", &json!({}));
        day.fails("reservations", "panicked");
    }
}
