//! What happened at the other substations while one of them failed.
//!
//! Each substation leaves a [`Trace`](crate::blame::Trace). At a failure the traces of all are read and compared
//! with those of a second or two before. With 10,000 substations that takes 100 µs, so it is done at most for one
//! hundredth of the time.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use switchyard_config as config;

use crate::{
    blame::Elsewhere,
    clock::Moment,
    substation::{Id, Substation},
};

/// Failures elsewhere count for so long at least, and twice as long at most. Short, so that what follows a change is
/// compared with what follows the same change.
const PERIOD: Duration = Duration::from_secs(1);
/// For so many substations a reading is at least a millisecond old before it is repeated.
const PER_MILLISECOND: usize = 100;
/// What is known of a substation at one moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    id: Id,
    /// Exchanges that ended, and those that failed, since the mark.
    ended: u64,
    failed: u64,
    run: u32,
    last: Option<Moment>,
    /// Whether it is ejected.
    is_out: bool,
}

/// The readings of all substations.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    /// `health.failures`: from so many in a row on a substation seems to be dead.
    run: AtomicU32,
    state: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Exchanges and failures ever, as they were at two moments. What came since the older one counts.
    older: Mark,
    newer: Mark,
    readings: Vec<Reading>,
    read_at: Option<Moment>,
}

#[derive(Debug, Default)]
struct Mark {
    at: Option<Moment>,
    totals: Arc<HashMap<Id, (u64, u64)>>,
}

impl Peers {
    /// Sets how many failures in a row eject a substation.
    pub(crate) fn set_rules(&self, rules: &config::Health) {
        self.run.store(rules.failures, Relaxed);
    }

    /// What happened at the other `members`, for the judgement of a failure of `failing` at `now`. Called at every
    /// failure, before it is noted.
    pub(crate) fn besides(
        &self,
        failing: &Substation,
        members: &[Arc<Substation>],
        now: Moment,
    ) -> Elsewhere {
        let run = self.run.load(Relaxed);
        let mut inner = self.state.lock();
        inner.read(members, now);
        let trace = failing.trace();
        let since = trace.run_since().unwrap_or(now);
        judge(&inner.readings, failing.id(), run, since)
    }
}

/// The judgement of a failure of the substation `id`, whose run of failures began at `since`.
fn judge(readings: &[Reading], id: Id, run: u32, since: Moment) -> Elsewhere {
    // The failures of one that is ejected are explained.
    let others = || {
        readings
            .iter()
            .filter(|reading| reading.id != id && !reading.is_out)
    };
    let count = others().count();
    let seems_dead = |reading: &&Reading| reading.run >= run;
    // A few others that fail all the time are ill as well, and say nothing about requests. If most do, it is the
    // requests.
    let dead = others().filter(seems_dead).count();
    let leaves_out_dead = 2 * dead <= count;
    let (mut ended, mut failed) = (0, 0);
    for reading in others().filter(|reading| !(leaves_out_dead && seems_dead(reading))) {
        ended += reading.ended.max(reading.failed);
        failed += reading.failed;
    }
    let failed_too = |reading: &&Reading| reading.last.is_some_and(|last| last >= since);
    #[expect(
        clippy::cast_precision_loss,
        reason = "two seconds have far fewer than 2^53 exchanges"
    )]
    Elsewhere {
        failing: if failed == 0 {
            0.0
        } else {
            failed as f64 / ended as f64
        },
        is_common: 2 * others().filter(failed_too).count() > count,
    }
}

impl Inner {
    fn read(&mut self, members: &[Arc<Substation>], now: Moment) {
        let age = |at: Option<Moment>| at.map_or(Duration::MAX, |at| now.since(at));
        let least = (members.len() / PER_MILLISECOND)
            .try_into()
            .unwrap_or(u64::MAX);
        let is_due = self.readings.len() != members.len()
            || age(self.read_at) >= Duration::from_millis(least);
        if !is_due {
            return;
        }
        if age(self.newer.at) >= PERIOD {
            let mark = Mark {
                at: Some(now),
                totals: Arc::new(
                    members
                        .iter()
                        .map(|member| (member.id(), totals(member)))
                        .collect(),
                ),
            };
            // After a quiet time, what was before does not count.
            self.older = if age(self.newer.at) < 2 * PERIOD {
                std::mem::take(&mut self.newer)
            } else {
                Mark {
                    at: mark.at,
                    totals: Arc::clone(&mark.totals),
                }
            };
            self.newer = mark;
        }
        let marks = &self.older.totals;
        self.readings.clear();
        self.readings.extend(members.iter().map(|member| {
            let (ended, failed) = totals(member);
            // One that has joined since the mark begins with it.
            let (ended_then, failed_then) =
                marks.get(&member.id()).copied().unwrap_or((ended, failed));
            let trace = member.trace();
            Reading {
                id: member.id(),
                ended: ended.saturating_sub(ended_then),
                failed: failed.saturating_sub(failed_then),
                run: trace.run(),
                last: trace.last(),
                is_out: trace.is_out(),
            }
        }));
        self.read_at = Some(now);
    }
}

/// Exchanges that ended, and those that failed, ever.
fn totals(substation: &Substation) -> (u64, u64) {
    let ledger = substation.ledger();
    let ended = ledger.reservations().saturating_sub(ledger.awaiting());
    (ended, substation.trace().failed())
}

#[cfg(test)]
mod tests;
