//! **leaks**: when everything is over, a process holds no more than at its beginning.
//!
//! The world measures each process before its first request, and again after the last one when idle connections have been
//! given up. Descriptors must be back; threads too. Memory may have grown by what a proxy keeps by design: keys, what it has
//! learned, buffers that each thread lends, counters of each status. That is bounded, and far below what the requests of a
//! day would be if each left something.

use std::collections::BTreeMap;

use crate::world::event::{Checkpoint, Event, Probe, What};

use super::{Facts, Judge, Objection};

/// Descriptors that come late: a connection to the store and one for each scrape may be under way when it is measured.
const DESCRIPTORS: usize = 4;
/// Threads for blocking work stay for seconds: Tokio's pool. Beside one for each substation, whose name is looked up.
const THREADS: usize = 3;
/// What a proxy keeps by design, in bytes, on a small day.
const KEPT: i64 = 2 * 1024 * 1024;
/// And for each substation.
const KEPT_EACH: i64 = 64 * 1024;

#[derive(Default)]
pub(super) struct Leaks {
    fresh: BTreeMap<usize, Held>,
}

#[derive(Clone, Copy)]
struct Held {
    descriptors: usize,
    threads: usize,
    memory: i64,
}

impl Held {
    fn of(probe: &Probe) -> Self {
        Self {
            descriptors: probe.descriptors,
            threads: probe.threads,
            memory: probe.memory,
        }
    }
}

impl Judge for Leaks {
    fn name(&self) -> &'static str {
        "leaks"
    }

    fn see(&mut self, event: &Event, facts: &Facts) -> Result<(), Objection> {
        let What::Probed {
            proxy,
            checkpoint,
            probe: Some(probe),
            ..
        } = &event.what
        else {
            return Ok(());
        };
        match checkpoint {
            // All processes of a proxy do the same, so the first one's beginning stands for the others'.
            Checkpoint::Start => {
                self.fresh.insert(*proxy, Held::of(probe));
                Ok(())
            }
            Checkpoint::End => {
                let Some(fresh) = self.fresh.get(proxy) else {
                    return Ok(());
                };
                let substations = facts.plan.substations.len();
                compare(*fresh, Held::of(probe), substations)
                    .map_err(|words| format!("p{proxy} {words}"))
            }
            Checkpoint::Storm | Checkpoint::Calm(_) => Ok(()),
        }
    }
}

fn compare(fresh: Held, spent: Held, substations: usize) -> Result<(), Objection> {
    if spent.descriptors > fresh.descriptors + DESCRIPTORS {
        return Err(format!(
            "has {} descriptors when everything is over, and had {} at its beginning",
            spent.descriptors, fresh.descriptors
        ));
    }
    if spent.threads > fresh.threads + THREADS + substations {
        return Err(format!(
            "has {} threads when everything is over, and had {} at its beginning",
            spent.threads, fresh.threads
        ));
    }
    let substations = i64::try_from(substations).unwrap_or(i64::MAX);
    let kept = KEPT.saturating_add(KEPT_EACH.saturating_mul(substations));
    if spent.memory > fresh.memory.saturating_add(kept) {
        return Err(format!(
            "holds {} bytes when everything is over, and held {} at its beginning",
            spent.memory, fresh.memory
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::world::event::Checkpoint;

    use super::super::rig::Day;

    fn day(descriptors: usize, threads: usize, memory: i64) -> Day {
        let mut day = Day::new();
        day.holds(20, 3, 1_000_000)
            .probe(Checkpoint::Start, "s0", &json!({}));
        day.holds(descriptors, threads, memory)
            .probe(Checkpoint::End, "s0", &json!({}));
        day
    }

    #[test]
    fn what_is_given_back_is_no_leak() {
        day(20, 3, 1_100_000).passes();
        day(10, 1, 500_000).passes();
    }

    #[test]
    fn what_is_kept_is() {
        day(60, 3, 1_000_000).fails("leaks", "60 descriptors");
        day(20, 12, 1_000_000).fails("leaks", "12 threads");
        day(20, 3, 9_000_000).fails("leaks", "9000000 bytes");
    }
}
