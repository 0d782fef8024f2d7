//! A ledger under feeders: whatever changes it moves the sums above it.
//!
//! A ledger knows what it has *contributed* to the feeders of its path. Each change of it then takes the feeders' lock,
//! adds the difference between what it should contribute and what it has, and notes that. So it does not matter which of
//! two threads comes first, a change that happened in between is found by either, and a ledger that moves to another
//! path takes with it exactly what it brought.
//!
//! A reservation on the path is the one change that must not happen before the feeders know of it. So it looks at all
//! levels, changes the ledger and moves the sums under one hold of the lock.

use std::sync::{
    Arc,
    atomic::Ordering::{Acquire, Relaxed},
};

use super::{
    FeederPath, Ledger,
    feeder::{Contribution, Sums},
};
use crate::Load;

/// A reservation was made on a ledger, and on these feeders if it is under some.
#[derive(Debug)]
pub(crate) struct Reserved {
    pub(crate) path: Option<Arc<FeederPath>>,
}

/// The path of a ledger, and what it has contributed there.
#[derive(Debug)]
pub(super) struct Joined {
    path: Arc<FeederPath>,
    contributed: Sums,
}

impl Ledger {
    /// Puts the ledger under the feeders of `path`, with all that it knows; or under none. The feeders of its path until
    /// now get back what it had contributed.
    ///
    /// A meter that it comes under has perhaps not seen what its own gauge can't contain. That counts there until the next
    /// scrape, as if it had just been booked. (What is under way then and is booked only after that scrape has left, the
    /// meter shows one scrape later: its reservation ends where it was made.)
    pub(crate) fn join_path(&self, path: Option<&Arc<FeederPath>>) {
        let before = self.joined.load_full();
        let same = match (&before, path) {
            (None, None) => true,
            (Some(before), Some(path)) => Arc::ptr_eq(&before.path, path),
            _ => false,
        };
        let lock = path.or(before.as_ref().map(|before| &before.path)).cloned();
        if let Some(lock) = lock.filter(|_| !same) {
            let _held = lock.hold();
            self.move_to(path);
        }
    }

    /// The same while the lock is held.
    pub(crate) fn move_to(&self, path: Option<&Arc<FeederPath>>) {
        let before = self.joined.load_full();
        if let Some(before) = &before {
            let back = Contribution::default().since(before.contributed.get());
            before.path.add(&back);
        }
        if let Some(path) = path {
            self.tell_meters(path, before.as_deref().map(|before| &*before.path));
        }
        let joined = path.map(|path| {
            Arc::new(Joined {
                path: Arc::clone(path),
                contributed: Sums::default(),
            })
        });
        self.joined.store(joined);
        self.is_joined.store(path.is_some(), Relaxed);
        self.contribute();
        self.loosen();
    }

    /// Reserves on the meters of `path` that are not on the path `before` what they can't have seen. The lock is held.
    fn tell_meters(&self, path: &FeederPath, before: Option<&FeederPath>) {
        let known = |meter: &Self| {
            let mut meters = before.into_iter().flat_map(FeederPath::meters);
            meters.any(|known| std::ptr::eq(known, meter))
        };
        let Contribution { most, gauge, .. } = self.contribution();
        let unseen = Load::from_micros(i64::try_from(most - gauge).unwrap_or(0).max(0));
        if unseen == Load::ZERO {
            return;
        }
        for meter in path.meters().filter(|meter| !known(meter)) {
            meter.reserve_now(unseen);
            meter.settle(unseen);
        }
    }

    /// Takes the ledger out from under its feeders, for one that leaves: they no longer count its load.
    #[doc(hidden)]
    pub fn leave_feeders(&self) {
        self.join_path(None);
    }

    /// The path that it is under.
    #[inline]
    pub(crate) fn path(&self) -> Option<Arc<FeederPath>> {
        if !self.is_joined.load(Acquire) {
            return None;
        }
        let joined = self.joined.load();
        joined.as_ref().map(|joined| Arc::clone(&joined.path))
    }

    /// Whether a feeder above it has no room for `load`.
    #[doc(hidden)]
    #[must_use]
    pub fn is_full_above(&self, load: Load) -> bool {
        self.path().is_some_and(|path| path.is_full_for(load))
    }

    /// To be called after a change of what it contributes.
    #[inline]
    pub(super) fn mirror(&self) {
        if self.is_joined.load(Acquire) {
            self.mirror_now();
        }
    }

    #[cold]
    fn mirror_now(&self) {
        if let Some(path) = self.path() {
            let _held = path.hold();
            self.contribute();
        }
    }

    /// Moves the sums above it. The lock is held.
    pub(crate) fn contribute(&self) {
        let joined = self.joined.load();
        let Some(joined) = joined.as_ref() else {
            return;
        };
        let is = self.contribution();
        let change = is.since(joined.contributed.get());
        if change == Contribution::default() {
            return;
        }
        joined.path.add(&change);
        joined.contributed.set(is);
        if change.value < 0 || change.unseen < 0 {
            // Not earlier: a search in between would find the scores as they were.
            self.loosen();
        }
    }

    /// What it should contribute.
    fn contribution(&self) -> Contribution {
        let assigned = self.assigned.load(Acquire);
        Contribution {
            gauge: self.value().map_or(0, |value| value.micros().into()),
            value: self.value.load(Relaxed).into(),
            unseen: self.unseen_from(assigned).into(),
            most: self.most_from(assigned).into(),
            sampled: self.is_sampled().into(),
        }
    }

    /// Reserves if no other thread has reserved since `assigned` was read, and if every feeder above it has room. Returns
    /// the path that the load is reserved on.
    #[inline]
    pub(crate) fn reserve_on_path(&self, assigned: i64, load: Load) -> Option<Reserved> {
        if self.is_joined.load(Acquire) {
            return self.reserve_joined(assigned, load);
        }
        self.reserve_from(assigned, load).then(|| {
            self.mirror();
            Reserved { path: None }
        })
    }

    /// The same under feeders.
    #[inline(never)]
    fn reserve_joined(&self, assigned: i64, load: Load) -> Option<Reserved> {
        let Some(path) = self.path() else {
            let reserved = Reserved { path: None };
            return self.reserve_from(assigned, load).then_some(reserved);
        };
        let held = path.hold();
        // It may have moved to another path meanwhile.
        if !self.is_under(&path) || path.is_full_for(load) || !self.reserve_from(assigned, load) {
            return None;
        }
        self.reserved_under(&path, load);
        drop(held);
        Some(Reserved { path: Some(path) })
    }

    /// `load` has been reserved on the ledger: moves all that is above it. The lock is held.
    fn reserved_under(&self, path: &FeederPath, load: Load) {
        self.contribute();
        path.spend(load);
        for meter in path.meters() {
            meter.reserve_now(load);
        }
    }

    /// Reserves, whatever there is room for. Returns the path that the load is reserved on.
    pub(crate) fn reserve_anyway(&self, load: Load) -> Option<Arc<FeederPath>> {
        let reserved = self.reserve_if(load, |_| true);
        reserved.and_then(|reserved| reserved.path)
    }

    /// Reserves if every feeder above has room, whatever the ledger has room for. Returns the path that the load is
    /// reserved on.
    pub(crate) fn reserve_within_feeders(&self, load: Load) -> Option<Reserved> {
        self.reserve_if(load, |path| !path.is_full_for(load))
    }

    fn reserve_if(&self, load: Load, may: impl Fn(&FeederPath) -> bool) -> Option<Reserved> {
        loop {
            let Some(path) = self.path() else {
                self.reserve_now(load);
                self.mirror();
                return Some(Reserved { path: None });
            };
            let held = path.hold();
            if !self.is_under(&path) {
                continue;
            }
            if !may(&path) {
                return None;
            }
            self.reserve_now(load);
            self.reserved_under(&path, load);
            drop(held);
            return Some(Reserved { path: Some(path) });
        }
    }

    /// Whether it is still under this path.
    fn is_under(&self, path: &Arc<FeederPath>) -> bool {
        let joined = self.joined.load();
        let joined = joined.as_ref();
        joined.is_some_and(|joined| Arc::ptr_eq(&joined.path, path))
    }

    /// Reserves on this ledger alone.
    fn reserve_now(&self, load: Load) {
        while !self.reserve_from(self.assigned(), load) {}
    }

    /// Ends a reservation by `end`, on this ledger and on the meters of the path that it was made on, in one step as
    /// others see it.
    #[inline]
    pub(crate) fn end_on_path(&self, path: Option<&FeederPath>, end: impl Fn(&Self)) {
        let Some(path) = path else {
            end(self);
            // It may have come under feeders meanwhile.
            return self.mirror();
        };
        let held = path.hold();
        end(self);
        for meter in path.meters() {
            end(meter);
        }
        self.contribute();
        drop(held);
    }
}
