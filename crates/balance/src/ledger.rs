//! One upstream's account: what the last sample said, and what of our own it can't know yet.
//!
//! Two sums that only the dispatcher moves:
//!
//! - `assigned` grows when load is reserved, and shrinks only when it is known not to be booked;
//! - `settled` grows when the upstream has answered for it: from then on a fresh look at its gauge shows it
//!   if it is there at all. (An answer that never came settles too: the upstream may have booked it, and
//!   only its gauge can tell.)
//!
//! A sample carries its value, `settled` as it stood when the scrape was *sent*, and `assigned` as it stood
//! when its answer *arrived*. What was settled before the scrape left is in the value. What was assigned after
//! it arrived is not. What lies between may or may not be:
//!
//! ```text
//! estimate = value + ambiguous_part + (assigned − assigned_at_arrival)
//! 0 ≤ ambiguous_part ≤ assigned_at_arrival − settled_at_send
//! ```
//!
//! Where in its bounds the ambiguous part lies is what the estimate before the sample says: if that is a load
//! that the sample allows, it stands; else the nearest that is allowed. So a scrape that runs into a burst of
//! one's own bookings takes nothing away from what the ledger knew exactly. (A first sample has no
//! estimate before it: half.)
//!
//! (A gauge that follows its bookings late shows what was so some time before: [`visibility`](crate::visibility).)
//!
//! All but `assigned` is fixed when the sample arrives, so an estimate is one addition, and a booking is two
//! atomic additions: no list of sessions, no lock, no clock but the order of events. The sums wrap; only
//! their differences are ever read, and those are small.
//!
//! A gauge that fails while others don't is *reckoned*, as a ship without a fix is: see [`Ledger::extrapolate`].

use std::sync::{
    Arc,
    atomic::{
        AtomicBool, AtomicI64, AtomicU8, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
    },
};

use arc_swap::ArcSwapOption;

use crate::{Load, group::Group};

mod last_sample;
mod report;
mod sample;
mod write_lock;

pub use last_sample::LastSample;
pub use report::ReportSent;
pub use sample::{Reading, ScrapeSent};

/// A distance no sum of loads comes near: the headroom of an upstream whose capacity is unknown.
const BOUNDLESS: i64 = i64::MAX / 4;

/// No capacity is known.
const UNKNOWN: i64 = -1;

/// Whether an upstream may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In rotation.
    In,
    /// Out of rotation: ejected, draining or gone.
    Out,
}

/// The account of one upstream. Shared by all threads; every method takes `&self`.
///
/// The five fields that a choice reads come first and are derived at sample time, so that comparing a
/// thousand upstreams touches one cache line each and does a few additions and multiplications.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Ledger {
    /// Load reserved and not taken back, ever.
    assigned: AtomicI64,
    /// What is believed of its gauge: the last sample's value, or what was reckoned since.
    value: AtomicI64,
    /// `estimate − value − assigned`: what of the estimate the value can't know, and stands still.
    unseen: AtomicI64,
    /// The most `assigned` may be for the estimate to stay within the capacity.
    ceiling: AtomicI64,
    /// 1 / (capacity · ramp) (bits of an `f64`; capacity 1 where none is known), or NaN while it may not be chosen: no score
    /// made with NaN is ever less than another, so the scan needs no branch for it.
    weight: AtomicU64,

    /// Load that the upstream answered for, one way or the other.
    settled: AtomicI64,
    /// Reservations made, ever.
    reservations: AtomicU64,
    /// Reservations that have ended, one way or the other.
    ended: AtomicU64,
    /// The last sample's value, as it was told.
    gauge: AtomicI64,
    /// Samples taken.
    samples: AtomicU64,
    /// `settled` as it stood when the last sample's scrape was sent.
    settled_at_send: AtomicI64,
    /// `assigned` as it stood when the last sample arrived.
    assigned_at_arrival: AtomicI64,
    /// The estimate right before the last sample.
    expected: AtomicI64,
    /// The estimate right after it.
    found: AtomicI64,
    /// The last known capacity in millionths; [`UNKNOWN`] where none is known.
    capacity: AtomicI64,
    /// [`ScrapeSent::order`] of the last sample.
    order: AtomicU64,
    /// Whether the last sample is too old to keep anybody from trying.
    stale: AtomicBool,
    /// Whether somebody writes a sample: see `report::WriteGuard`.
    write_locked: AtomicBool,
    /// [`Standing`], as a number.
    standing: AtomicU8,
    /// See [`Ledger::set_ramp`]; the bits of an `f64`.
    ramp: AtomicU64,
    /// The group whose floor has to give way when this account's score falls.
    group: ArcSwapOption<Group>,
}

/// An account by itself, for whoever has nothing to keep beside it.
impl AsRef<Self> for Ledger {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Ledger {
    /// An account without a sample. `capacity` where it is known beforehand; samples may correct it.
    #[must_use]
    pub fn new(capacity: Option<Load>) -> Self {
        let ledger = Self {
            assigned: AtomicI64::new(0),
            value: AtomicI64::new(0),
            unseen: AtomicI64::new(0),
            ceiling: AtomicI64::new(0),
            weight: AtomicU64::new(f64::NAN.to_bits()),
            settled: AtomicI64::new(0),
            reservations: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            gauge: AtomicI64::new(0),
            samples: AtomicU64::new(0),
            settled_at_send: AtomicI64::new(0),
            assigned_at_arrival: AtomicI64::new(0),
            expected: AtomicI64::new(0),
            found: AtomicI64::new(0),
            capacity: AtomicI64::new(UNKNOWN),
            order: AtomicU64::new(0),
            stale: AtomicBool::new(false),
            write_locked: AtomicBool::new(false),
            standing: AtomicU8::new(Standing::In as u8),
            ramp: AtomicU64::new(1_f64.to_bits()),
            group: ArcSwapOption::empty(),
        };
        ledger.set_ceiling(capacity, 0, 0);
        ledger
    }

    /// Puts the upstream into rotation or takes it out.
    pub fn set_standing(&self, standing: Standing) {
        self.standing.store(standing as u8, SeqCst);
        self.publish_weight();
    }

    /// Says whether the last sample is old. Changes no score: only that an estimate which says *full* is then no
    /// reason to refuse when nobody else has room.
    pub fn set_stale(&self, stale: bool) {
        self.stale.store(stale, Relaxed);
    }

    /// Whether the last sample is old.
    #[must_use]
    #[inline]
    pub fn is_stale(&self) -> bool {
        self.stale.load(Relaxed)
    }

    /// Lets the upstream come into its share slowly: it is compared as if its capacity were only this part
    /// of what it is, so it fills to that part of how full the others are. Its room is not touched: where
    /// nobody else can take a request, it can. Above 0; 1 is the whole.
    pub fn set_ramp(&self, fraction: f64) {
        let fraction = fraction.clamp(f64::MIN_POSITIVE, 1.0);
        self.ramp.store(fraction.to_bits(), SeqCst);
        self.publish_weight();
    }

    /// The upstream itself has refused `load`, whatever its gauge said: until the next sample it counts as
    /// without room for as much, and with room for less.
    pub fn refused(&self, load: Load) {
        let full = self.assigned().wrapping_add(load.micros() - 1);
        let lower = |ceiling: i64| (ceiling.wrapping_sub(full) > 0).then_some(full);
        // Err: there was less room already.
        let _ = self.ceiling.fetch_update(AcqRel, Acquire, lower);
    }

    /// Says what its capacity is from now on, as a configuration does. `None` forgets it: the next sample may tell it.
    pub fn set_capacity(&self, capacity: Option<Load>) {
        let _guard = self.write_lock();
        let assigned = self.assigned.load(Acquire);
        self.set_ceiling(capacity, self.estimate_from(assigned), assigned);
        self.publish_weight();
    }

    /// Makes `group` the one whose floor follows this account.
    pub(crate) fn join(&self, group: &Arc<Group>) {
        self.group.store(Some(Arc::clone(group)));
    }

    /// The score may have fallen.
    fn loosen(&self) {
        if let Some(group) = &*self.group.load() {
            group.loosen();
        }
    }

    fn set_ceiling(&self, capacity: Option<Load>, estimate: i64, assigned: i64) {
        self.capacity
            .store(capacity.map_or(UNKNOWN, Load::micros), Relaxed);
        let ceiling = Self::ceiling_for(capacity, estimate, assigned);
        self.ceiling.store(ceiling, Release);
    }

    /// The most that `assigned` may be, where it stands now as given.
    fn ceiling_for(capacity: Option<Load>, estimate: i64, assigned: i64) -> i64 {
        let headroom = capacity.map_or(BOUNDLESS, |c| c.micros() - estimate);
        assigned.wrapping_add(headroom)
    }

    /// Whoever ejects an upstream and whoever samples it may come here at once. So what the weight was made
    /// from is looked at again after it was written: the last to write has seen the other's change.
    fn publish_weight(&self) {
        let read = || (self.is_sampled() && self.is_in(), self.ramp.load(SeqCst));
        loop {
            let (is_candidate, ramp) = read();
            let weight = if is_candidate {
                self.inverse_capacity() / f64::from_bits(ramp)
            } else {
                f64::NAN
            };
            self.weight.store(weight.to_bits(), SeqCst);
            if (is_candidate, ramp) == read() {
                break;
            }
        }
        self.loosen();
    }

    /// 1 / capacity in units of the gauge; 1 where none is known.
    pub(crate) fn inverse_capacity(&self) -> f64 {
        self.capacity()
            .map_or(1.0, |capacity| capacity.units().recip())
    }

    /// The factor that turns an estimate into a score; NaN while the upstream may not be chosen.
    #[inline]
    pub(crate) fn weight(&self) -> f64 {
        f64::from_bits(self.weight.load(Relaxed))
    }

    /// `assigned` as it stands; what [`Ledger::reserve_from`] compares with.
    #[inline]
    pub(crate) fn assigned(&self) -> i64 {
        self.assigned.load(Relaxed)
    }

    /// `settled` as it stands.
    pub(crate) fn settled(&self) -> i64 {
        self.settled.load(Acquire)
    }

    /// The estimate in millionths with `assigned` as given.
    #[inline]
    pub(crate) fn estimate_from(&self, assigned: i64) -> i64 {
        self.value.load(Relaxed) + self.unseen_from(assigned)
    }

    /// The part of the estimate that the gauge can't know, with `assigned` as given.
    #[inline]
    fn unseen_from(&self, assigned: i64) -> i64 {
        self.unseen.load(Relaxed).wrapping_add(assigned)
    }

    /// The load that is compared: of what the gauge says, one's own `share`; of what it can't know, all.
    ///
    /// With a share of one it is the estimate, to the last bit: sums of loads are whole numbers that an `f64` holds.
    #[inline]
    #[expect(
        clippy::cast_precision_loss,
        reason = "loads stay below 2^53 millionths"
    )]
    pub(crate) fn shared_estimate_from(&self, assigned: i64, share: f64) -> f64 {
        share * self.value.load(Relaxed) as f64 + self.unseen_from(assigned) as f64
    }

    /// Whether `load` more would stay within the capacity, with `assigned` as given.
    #[inline]
    pub(crate) fn has_room(&self, assigned: i64, load: Load) -> bool {
        self.ceiling.load(Relaxed).wrapping_sub(assigned) >= load.micros()
    }

    /// Reserves if nobody else did since `assigned` was read: the choice and the reservation are one step.
    #[inline]
    pub(crate) fn reserve_from(&self, assigned: i64, load: Load) -> bool {
        let reserved = assigned.wrapping_add(load.micros());
        let won = self
            .assigned
            .compare_exchange(assigned, reserved, AcqRel, Relaxed)
            .is_ok();
        if won {
            self.reservations.fetch_add(1, Relaxed);
        }
        won
    }

    /// The upstream has answered for `load`, or never will: its gauge is the judge from here on.
    pub(crate) fn settle(&self, load: Load) {
        self.settled.fetch_add(load.micros(), Release);
        self.ended.fetch_add(1, Relaxed);
    }

    /// `load` is known not to be booked.
    pub(crate) fn take_back(&self, load: Load) {
        self.assigned.fetch_sub(load.micros(), AcqRel);
        self.ended.fetch_add(1, Relaxed);
        self.loosen();
    }

    /// Whether a first sample has come.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.samples.load(SeqCst) > 0
    }

    /// Whether it is in rotation. It may still be passed over: see [`Ledger::is_sampled`].
    #[must_use]
    pub fn is_in(&self) -> bool {
        self.standing.load(SeqCst) == Standing::In as u8
    }

    /// The last sample's value, if one has come.
    #[must_use]
    pub fn value(&self) -> Option<Load> {
        self.is_sampled()
            .then(|| Load::from_micros(self.gauge.load(Relaxed)))
    }

    /// The capacity, where it is known.
    #[must_use]
    pub fn capacity(&self) -> Option<Load> {
        match self.capacity.load(Relaxed) {
            UNKNOWN => None,
            micros => Some(Load::from_micros(micros)),
        }
    }

    /// What the load is believed to be now. Without a sample: what was assigned.
    #[must_use]
    pub fn estimate(&self) -> Load {
        Load::from_micros(self.estimate_from(self.assigned()).max(0))
    }

    /// The part of the estimate that the last sample can't know.
    #[must_use]
    pub fn unseen(&self) -> Load {
        let value = self.value().unwrap_or_default();
        Load::from_micros((self.estimate().micros() - value.micros()).max(0))
    }

    /// Reservations made, ever. Never falls.
    #[must_use]
    pub fn reservations(&self) -> u64 {
        self.reservations.load(Relaxed)
    }

    /// Reservations that wait for their answer.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        // `ended` first: a reservation that ends between the two reads must not make the difference negative.
        let ended = self.ended.load(Acquire);
        self.reservations.load(Acquire).saturating_sub(ended)
    }
}

#[cfg(test)]
pub(crate) mod tests;
