//! Limits that several upstreams share: a transformer, the feeders under it, the contract of a site.
//!
//! A request does not only have to fit its upstream. Every [`Feeder`] above it must have room as well, up to the root
//! of its [tree](crate::tree). So a request is reserved on its whole [path](FeederPath), or not at all.
//!
//! **Without a meter** a feeder's load is that of its members. It is not added up when it is needed: a
//! feeder keeps the sums of its members' ledgers, and each change of a ledger moves the sums above it by the same
//! amount (`joined.rs`).
//!
//! **With a meter** a feeder has a ledger of its own, which takes the meter's samples and follows own bookings as that
//! of an upstream does. So load that no upstream shows, such as that of houses, counts. Until its first sample it is a
//! feeder without a meter.
//!
//! **The lock.** All feeders of a process share one: a reservation looks at all levels of its path and moves all
//! their sums while it holds the lock. So no interleaving of threads can pass a limit, and no thread finds a path half
//! reserved. It is held for some ten nanoseconds a level. An upstream without a feeder never takes it.
//!
//! A feeder without a capacity or a limit only adds up.

use std::sync::{Arc, PoisonError};

use arc_swap::ArcSwapOption;

use super::Ledger;
use crate::{
    Load,
    group::Group,
    load::MOST,
    sync::{
        Mutex, MutexGuard,
        atomic::{
            AtomicI64, AtomicU64,
            Ordering::{Relaxed, Release},
        },
    },
};

mod divided;
mod sums;

use divided::Divided;
pub(super) use sums::{Contribution, Sums};

/// The lock that all feeders of a process share. Clones are the same lock.
#[derive(Clone, Debug, Default)]
pub struct FeederLock(Arc<Mutex<()>>);

impl FeederLock {
    pub(crate) fn hold(&self) -> MutexGuard<'_, ()> {
        // No code panics while it holds the lock; if it did, sums would be wrong until the next change of a member.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A value that means: no capacity, or no limit.
const NONE: i64 = -1;

/// One limit that several upstreams share.
#[derive(Debug)]
#[repr(align(64))]
pub struct Feeder {
    /// What the gauges of its members say, in millionths; the bits of an `f64`.
    value: AtomicU64,
    /// The part of its members' load that those gauges can't contain; the bits of an `f64`.
    unseen: AtomicU64,
    /// 1 / bound, or 0 where it has none; the bits of an `f64`.
    weight: AtomicU64,
    /// How much more load would stay within the bound, in millionths.
    left: AtomicI64,
    /// See `divided.rs`.
    divided: Divided,
    meter: Option<Box<Ledger>>,
    capacity: AtomicI64,
    limit: AtomicI64,
    /// Changes while the lock is held.
    sums: Sums,
    lock: FeederLock,
    group: ArcSwapOption<Group>,
}

impl Feeder {
    /// A feeder without members, capacity or limit.
    #[must_use]
    pub fn new(lock: &FeederLock, is_metered: bool) -> Self {
        Self {
            value: AtomicU64::new(0),
            unseen: AtomicU64::new(0),
            weight: AtomicU64::new(0),
            left: AtomicI64::new(MOST),
            divided: Divided::default(),
            meter: is_metered.then(|| Box::new(Ledger::of_meter())),
            capacity: AtomicI64::new(NONE),
            limit: AtomicI64::new(NONE),
            sums: Sums::default(),
            lock: lock.clone(),
            group: ArcSwapOption::empty(),
        }
    }

    /// The ledger of its meter. Its samples, its extrapolation and what it leaves to the next process go there, and so
    /// does a configured capacity.
    #[must_use]
    pub fn meter(&self) -> Option<&Ledger> {
        self.meter.as_deref()
    }

    /// The meter's ledger once that has a sample: before, the members are all that is known.
    #[inline]
    fn sampled_meter(&self) -> Option<&Ledger> {
        self.meter().filter(|meter| meter.is_sampled())
    }

    /// Sets the configured capacity, or that there is none. The meter's gauge of the capacity counts where none is
    /// configured.
    pub fn set_capacity(&self, capacity: Option<Load>) {
        if known(&self.capacity) == capacity {
            return;
        }
        if let Some(meter) = self.meter() {
            meter.set_capacity(capacity);
        }
        let _held = self.lock.hold();
        self.capacity
            .store(capacity.map_or(NONE, Load::micros), Relaxed);
        self.publish();
        self.loosen();
    }

    /// The capacity as configured, or else as measured.
    #[must_use]
    pub fn capacity(&self) -> Option<Load> {
        known(&self.capacity).or_else(|| self.meter()?.capacity())
    }

    /// Sets a limit beside the capacity: the stricter of the two counts. It is in force when this returns. A load above
    /// it only stays.
    pub fn set_limit(&self, limit: Option<Load>) {
        let _held = self.lock.hold();
        if let Some(meter) = self.meter() {
            meter.set_limit(limit);
        }
        self.limit.store(limit.map_or(NONE, Load::micros), Relaxed);
        self.publish();
        self.loosen();
    }

    /// The limit beside the capacity, where one is set.
    #[must_use]
    pub fn limit(&self) -> Option<Load> {
        known(&self.limit)
    }

    /// The most load that it may bear: the lower of its capacity and its limit, where it has one.
    #[must_use]
    pub fn bound(&self) -> Option<Load> {
        let both = [self.capacity(), self.limit()];
        both.into_iter().flatten().min()
    }

    /// What its meter said last, or else the sum of what its members' gauges said. None before a first sample.
    #[must_use]
    pub fn current(&self) -> Option<Load> {
        match self.sampled_meter() {
            Some(meter) => meter.value(),
            None => self.sums.gauge(&self.lock),
        }
    }

    /// The estimate of its load now. At most [`Load::LARGEST`].
    #[must_use]
    pub fn estimate(&self) -> Load {
        match self.sampled_meter() {
            Some(meter) => meter.estimate(),
            None => self.sums.estimate(&self.lock),
        }
    }

    /// How much more load would stay within the bound for certain. None without a bound.
    #[must_use]
    pub fn left(&self) -> Option<Load> {
        self.bound()?;
        let left = match self.sampled_meter() {
            Some(meter) => meter.headroom(),
            None => self.left.load(Relaxed),
        };
        Some(Load::from_micros(self.divided.of(left).max(0)))
    }

    /// Whether `load` more would pass its bound.
    #[must_use]
    #[inline]
    pub fn is_full_for(&self, load: Load) -> bool {
        let left = match self.sampled_meter() {
            Some(meter) => meter.present_headroom(),
            None => self.left.load(Relaxed),
        };
        self.divided.of(left) < load.micros()
    }

    /// The load that scores are made from, and the factor that turns it into a score: 0 where nothing bounds it.
    ///
    /// `share` is the part of the gauges that counts: see [`share`](crate::share).
    #[inline]
    pub(crate) fn load_and_weight(&self, share: f64) -> (f64, f64) {
        match self.sampled_meter() {
            Some(meter) => {
                let load = meter.shared_estimate_from(meter.assigned(), share);
                (load, meter.weight())
            }
            None => (
                share * number(&self.value) + number(&self.unseen),
                number(&self.weight),
            ),
        }
    }

    /// Holds the lock of all feeders.
    pub(crate) fn hold(&self) -> MutexGuard<'_, ()> {
        self.lock.hold()
    }

    /// Makes the floors of `group` follow this feeder.
    pub(crate) fn join(&self, group: &Arc<Group>) {
        if let Some(meter) = self.meter() {
            meter.join(group);
        }
        self.group.store(Some(Arc::clone(group)));
    }

    /// To be called when its score may have fallen.
    fn loosen(&self) {
        if let Some(group) = &*self.group.load() {
            group.loosen();
        }
    }

    /// Moves the sums by what a member's ledger has changed. The lock is held.
    fn add(&self, change: &Contribution) {
        self.sums.add(change);
        self.publish();
    }

    /// Publishes what follows from the sums. The lock is held.
    fn publish(&self) {
        let bits = |number: f64| number.to_bits();
        let own = [known(&self.capacity), self.limit()];
        let bound = own.into_iter().flatten().min();
        let weight = bound.map_or(0.0, |bound| bound.units().recip());
        self.value.store(bits(self.sums.value()), Relaxed);
        self.unseen.store(bits(self.sums.unseen()), Relaxed);
        self.weight.store(bits(weight), Relaxed);
        self.left.store(self.sums.left(bound), Release);
    }
}

/// The feeders above one upstream, the nearest first.
#[derive(Debug)]
pub struct FeederPath {
    lock: FeederLock,
    feeders: Box<[Arc<Feeder>]>,
}

impl FeederPath {
    /// The path over these feeders, the nearest first. None if there are none.
    pub(crate) fn new(feeders: impl IntoIterator<Item = Arc<Feeder>>) -> Option<Arc<Self>> {
        let feeders: Box<[_]> = feeders.into_iter().collect();
        let lock = feeders.first()?.lock.clone();
        Some(Arc::new(Self { lock, feeders }))
    }

    /// The feeders, the nearest first.
    #[must_use]
    pub fn feeders(&self) -> &[Arc<Feeder>] {
        &self.feeders
    }

    pub(crate) fn hold(&self) -> MutexGuard<'_, ()> {
        self.lock.hold()
    }

    /// Whether `load` more would pass the bound of one of them.
    pub(crate) fn is_full_for(&self, load: Load) -> bool {
        self.feeders.iter().any(|feeder| feeder.is_full_for(load))
    }

    /// Moves the sums of all by what a member's ledger has changed. The lock is held.
    pub(in crate::ledger) fn add(&self, change: &Contribution) {
        for feeder in &self.feeders {
            feeder.add(change);
        }
    }

    /// `load` has been reserved on them. The lock is held.
    pub(in crate::ledger) fn spend(&self, load: Load) {
        for feeder in &self.feeders {
            feeder.divided.spend(load);
        }
    }

    /// The ledgers of their meters.
    pub(crate) fn meters(&self) -> impl Iterator<Item = &Ledger> {
        self.feeders.iter().filter_map(|feeder| feeder.meter())
    }
}

#[inline]
fn number(bits: &AtomicU64) -> f64 {
    f64::from_bits(bits.load(Relaxed))
}

fn known(micros: &AtomicI64) -> Option<Load> {
    match micros.load(Relaxed) {
        NONE => None,
        micros => Some(Load::from_micros(micros)),
    }
}

#[cfg(test)]
mod tests;
