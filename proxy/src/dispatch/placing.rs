//! Finds room for the requests that wait in the [queue](super::queue): one pass over the line, with the substations of
//! the newest
//! snapshot.
//!
//! Room that is kept for a request is kept at a substation: the others are chosen among the rest.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use switchyard_balance::{Load, line::Room};
use tokio::time::Instant;

use super::{
    Dispatcher,
    queue::{Granted, Kept, Slot},
};
use crate::snapshot::Snapshot;

/// The room of one snapshot.
struct Placing<'a> {
    dispatcher: &'a Dispatcher,
    snapshot: Arc<Snapshot>,
    now: Instant,
    kept: Option<Kept>,
}

impl Dispatcher {
    /// Looks for room for all that wait.
    pub(super) fn serve_queue(&self, now: Instant) {
        let find = |kept| Placing::new(self, now, kept);
        self.state.queue.serve(now, find, |room| room.kept);
    }
}

impl<'a> Placing<'a> {
    fn new(dispatcher: &'a Dispatcher, now: Instant, kept: Option<Kept>) -> Self {
        let mut room = Self {
            dispatcher,
            snapshot: dispatcher.runtime.snapshot(),
            now,
            kept,
        };
        // In another grid the same position is another substation.
        if let Some(kept) = kept.filter(|kept| kept.version != room.snapshot.version) {
            room.keep_again(kept.load);
        }
        room
    }

    fn kept_at(&self) -> Option<usize> {
        self.kept.map(|kept| kept.at)
    }

    /// Keeps room for the same load in a newer grid. A request that can't use every substation looks anew what it can use:
    /// until then nothing is kept for it.
    fn keep_again(&mut self, load: Load) {
        let nearest = self.snapshot.grid.roster().nearest_to(&load.into());
        self.kept = nearest.map(|at| Kept {
            load,
            version: self.snapshot.version,
            at,
        });
    }

    fn place(&self, slot: &Slot, but: &[usize]) -> bool {
        if !slot.goes_by(self.snapshot.version) {
            return false;
        }
        let ask = slot.ask();
        let is_held = !slot.has_entered.load(Relaxed)
            && !self
                .dispatcher
                .may_take(slot.client, &ask, &self.snapshot, self.now);
        slot.has_entered.store(!is_held, Relaxed);
        slot.was_held.store(is_held, Relaxed);
        if is_held {
            return false;
        }
        let best = self.dispatcher.best(ask, but, &self.snapshot, self.now);
        let Ok(selected) = best else { return false };
        slot.grant(Granted {
            selected,
            snapshot: Arc::clone(&self.snapshot),
        });
        true
    }
}

impl Room<Arc<Slot>> for Placing<'_> {
    fn take(&mut self, _: Load, slot: &Arc<Slot>) -> bool {
        self.place(slot, self.kept_at().as_slice())
    }

    fn take_kept(&mut self, _: Load, slot: &Arc<Slot>) -> bool {
        self.place(slot, &[])
    }

    fn largest(&mut self, slot: &Arc<Slot>) -> i64 {
        if !slot.goes_by(self.snapshot.version) {
            return i64::MAX;
        }
        let (kept, roster) = (self.kept_at(), self.snapshot.grid.roster());
        slot.ask()
            .with(kept.as_slice(), |request| roster.largest_room(&request))
    }

    fn keep(&mut self, load: Load, slot: &Arc<Slot>) -> bool {
        let roster = self.snapshot.grid.roster();
        let nearest = slot
            .goes_by(self.snapshot.version)
            .then(|| slot.ask().with(&[], |request| roster.nearest_to(&request)));
        self.kept = nearest.flatten().map(|at| Kept {
            load,
            version: self.snapshot.version,
            at,
        });
        self.kept.is_some()
    }

    fn release(&mut self) {
        self.kept = None;
    }
}
