//! **endings**: a process ends when it has to, and never otherwise.
//!
//! A process that is told to stop, or that another has taken over from, ends by itself within the longest graceful stop, and
//! at once if everything is over: no request is under way then, and no client is connected. It never ends with an error or a
//! panic, and no day may break one so that it ends untold. The world kills what is still there after its time and says so:
//! "hangs" is an objection by itself, and this judge counts the time as well.

use std::{collections::BTreeMap, time::Duration};

use crate::world::{
    event::{Checkpoint, Ending, Event, What},
    plan::Fault,
};

use super::{Facts, Judge, Objection};

/// What a stop may take beyond its bound: a second for HTTP/2 clients to read their last words, and one for links.
const SLACK: Duration = Duration::from_secs(3);
/// What a stop may take beyond its drain where it has nothing to wait for: for last writes, and the threads.
const AT_ONCE: Duration = Duration::from_secs(2);
/// The most that a successor may take until it serves: it waits so long for a first sample, and for the state.
const TAKEOVER: Duration = Duration::from_secs(50);

#[derive(Default)]
pub(super) struct Endings {
    /// By when each process has to have ended.
    due: BTreeMap<(usize, usize), Duration>,
    /// Whether a stop has nothing to wait for any more.
    is_over: bool,
}

impl Judge for Endings {
    fn name(&self) -> &'static str {
        "endings"
    }

    fn see(&mut self, event: &Event, facts: &Facts) -> Result<(), Objection> {
        match &event.what {
            What::Reached(Checkpoint::End) => self.is_over = true,
            What::ToldToStop { proxy, process } => {
                let settings = &facts.plan.settings;
                let longest = if self.is_over {
                    settings.drain_delay + AT_ONCE
                } else {
                    settings.stop() + SLACK
                };
                let due = event.at + longest;
                let known = self.due.entry((*proxy, *process)).or_insert(due);
                *known = due.min(*known);
            }
            What::Started {
                proxy,
                process,
                is_upgrade: true,
            } => {
                let settings = &facts.plan.settings;
                let due = event.at + TAKEOVER + settings.idle + settings.stop() + SLACK;
                if let Some(before) = process.checked_sub(1) {
                    self.due.entry((*proxy, before)).or_insert(due);
                }
            }
            What::Ended {
                proxy,
                process,
                how,
            } => {
                let due = self.due.remove(&(*proxy, *process));
                return ended(how, due, *process, facts)
                    .map_err(|words| format!("p{proxy}/{process} {words}"));
            }
            _ => {}
        }
        let late = self.due.iter().find(|(_, due)| **due < event.at);
        match late {
            Some(((proxy, process), due)) => {
                let words = too_late(*due);
                Err(format!("p{proxy}/{process} {words}"))
            }
            None => Ok(()),
        }
    }
}

fn ended(
    how: &Ending,
    due: Option<Duration>,
    process: usize,
    facts: &Facts,
) -> Result<(), Objection> {
    match how {
        Ending::Clean => match due {
            None => Err("ended, and was not told to".to_owned()),
            Some(due) if due < facts.now => Err(too_late(due)),
            Some(_) => Ok(()),
        },
        Ending::Killed => Ok(()),
        // A successor that reaches no substation, or whose predecessor dies, gives up by design, and says why.
        Ending::Failed(_) if process > 0 && is_hopeless(facts) => Ok(()),
        Ending::Failed(why) => Err(format!("failed: {why}")),
        Ending::Hangs => Err("did not end when it was told to".to_owned()),
        Ending::Panicked => Err("panicked".to_owned()),
    }
}

fn too_late(due: Duration) -> String {
    format!(
        "should have ended by {:.3} s and had not",
        due.as_secs_f64()
    )
}

/// Whether something was broken lately without which a successor can't begin.
fn is_hopeless(facts: &Facts) -> bool {
    let then = facts.now.saturating_sub(TAKEOVER);
    facts.outages.any_since(then, |fault| {
        matches!(
            fault,
            Fault::KillProxy { .. }
                | Fault::PowerCut { .. }
                | Fault::StopProxy { .. }
                | Fault::NothingListed
                | Fault::Upgrade { .. }
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::world::event::{Checkpoint, Ending};

    use super::super::rig::Day;

    #[test]
    fn a_process_that_ends_when_it_is_told_to_is_right() {
        let mut day = Day::new();
        day.stop(0, 0).wait(500).ended(0, 0, Ending::Clean);
        day.passes();
        let mut day = Day::new();
        day.started(0, 1, true)
            .wait(2_000)
            .ended(0, 0, Ending::Clean);
        day.passes();
    }

    #[test]
    fn one_that_does_not_end_is_found() {
        let mut day = Day::new();
        day.stop(0, 0).wait(60_000).ask("c0-0.0", 0);
        day.fails("endings", "p0/0 should have ended");
        let mut day = Day::new();
        day.stop(0, 0).wait(1_000).ended(0, 0, Ending::Hangs);
        day.fails("endings", "did not end");
        let mut day = Day::new();
        day.started(0, 1, true).wait(120_000).ask("c0-0.0", 0);
        day.fails("endings", "p0/0 should have ended");
    }

    #[test]
    fn when_everything_is_over_a_stop_has_nothing_to_wait_for() {
        let stops = |takes| {
            let mut day = Day::new();
            day.reached(Checkpoint::End).stop(0, 0);
            day.wait(takes).ended(0, 0, Ending::Clean);
            day
        };
        stops(1_000).passes();
        stops(4_000).fails("endings", "should have ended");
    }

    #[test]
    fn so_is_one_that_ends_untold_or_badly() {
        for (how, words) in [
            (Ending::Clean, "was not told to"),
            (Ending::Failed("no port".to_owned()), "no port"),
            (Ending::Panicked, "panicked"),
        ] {
            let mut day = Day::new();
            day.ended(0, 0, how);
            day.fails("endings", words);
        }
    }
}
