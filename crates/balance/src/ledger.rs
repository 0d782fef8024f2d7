//! The ledger of one upstream: what the last sample said, and which own assignments it can't contain yet.
//!
//! The dispatcher moves two sums:
//!
//! - `assigned` grows when load is reserved, and shrinks only when the load is known not to be booked;
//! - `settled` grows when the upstream has answered for the load: a gauge that is read after that shows the load if it
//!   was booked. (A missing answer settles the load too: the upstream may have booked it, and only its gauge can show
//!   whether it did.)
//!
//! A sample consists of its value, of `settled` when the scrape was *sent*, and of `assigned` when its answer
//! *arrived*. Load that was settled before the scrape was sent is in the value. Load that was assigned after the
//! answer arrived is not. Load in between may or may not be:
//!
//! ```text
//! estimate = value + ambiguous_part + (assigned − assigned_at_arrival)
//! 0 ≤ ambiguous_part ≤ assigned_at_arrival − settled_at_send
//! ```
//!
//! The previous estimate decides where within these bounds the ambiguous part lies. If the sample allows the previous
//! estimate, the estimate stays; otherwise it moves to the nearest load that the sample allows. So a scrape in the
//! middle of a burst of own bookings does not lose what the ledger knew exactly. (A first sample has no previous
//! estimate, and takes half.)
//!
//! (For a gauge that shows bookings late, see [`visibility`](crate::visibility).)
//!
//! Everything but `assigned` is fixed when the sample arrives. So an estimate is one addition, and a booking is two
//! atomic additions: no list of sessions, no lock, no clock but the order of events. The sums wrap; only their
//! differences are read, and those are small.
//!
//! While a gauge fails and others don't, its estimate is extrapolated: see [`Ledger::extrapolate`].

use std::sync::{
    Arc,
    atomic::{
        AtomicBool, AtomicI64, AtomicU8, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
    },
};

use arc_swap::ArcSwapOption;

use crate::{Load, group::Group, load::MOST};

mod last_sample;
mod report;
mod sample;
mod write_lock;

pub use last_sample::LastSample;
pub use report::ReportSent;
pub use sample::{Reading, ScrapeSent};

/// The value of [`Ledger`]'s `capacity` where none is known.
const UNKNOWN: i64 = -1;

/// Whether an upstream may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In rotation.
    In,
    /// Out of rotation: ejected, draining or gone.
    Out,
}

/// The ledger of one upstream. Shared by all threads; every method takes `&self`.
///
/// The five fields that a choice reads come first and are derived when a sample arrives. So comparing a thousand
/// upstreams touches one cache line each and takes a few additions and multiplications.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Ledger {
    /// All load ever reserved and not taken back.
    assigned: AtomicI64,
    /// What the gauge is estimated to show: the last sample's value, or its extrapolation.
    value: AtomicI64,
    /// `estimate − value − assigned`: constant between two samples.
    unseen: AtomicI64,
    /// The greatest `assigned` for which the estimate stays within the capacity.
    ceiling: AtomicI64,
    /// 1 / (capacity · ramp), as bits of an `f64`; capacity 1 where none is known. NaN while the upstream is not
    /// eligible: a score of NaN is never less than another, so the scan needs no branch for it.
    weight: AtomicU64,

    /// All load for which the upstream has answered, or will never answer.
    settled: AtomicI64,
    /// All reservations ever made.
    reservations: AtomicU64,
    /// All reservations that have ended, with any result.
    ended: AtomicU64,
    /// The last sample's value.
    gauge: AtomicI64,
    /// The number of samples.
    samples: AtomicU64,
    /// `settled` when the last sample's scrape was sent.
    settled_at_send: AtomicI64,
    /// `assigned` when the last sample arrived.
    assigned_at_arrival: AtomicI64,
    /// The estimate right before the last sample.
    expected: AtomicI64,
    /// The estimate right after the last sample.
    found: AtomicI64,
    /// The last known capacity in millionths; [`UNKNOWN`] where none is known.
    capacity: AtomicI64,
    /// [`ScrapeSent::order`] of the last sample.
    order: AtomicU64,
    /// See [`Ledger::set_stale`].
    stale: AtomicBool,
    /// Whether a thread is writing a sample: see `write_lock::WriteGuard`.
    write_locked: AtomicBool,
    /// [`Standing`], as a number.
    standing: AtomicU8,
    /// See [`Ledger::set_ramp`]; the bits of an `f64`.
    ramp: AtomicU64,
    /// The group whose floor is loosened when this ledger's score may have fallen.
    group: ArcSwapOption<Group>,
}

/// For a roster of plain ledgers, with no other data for each upstream.
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
    /// A ledger without a sample. `capacity` if it is known beforehand; samples may correct it.
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

    /// Sets whether the last sample is stale. This changes no score. But if no other upstream has room, a stale
    /// upstream is tried although its estimate says that it is full.
    pub fn set_stale(&self, stale: bool) {
        self.stale.store(stale, Relaxed);
    }

    /// Whether the last sample is stale.
    #[must_use]
    #[inline]
    pub fn is_stale(&self) -> bool {
        self.stale.load(Relaxed)
    }

    /// Slow start: the upstream is compared as if its capacity were only this fraction of the real one, so it fills to
    /// that fraction of the others' utilisation. Its room is not reduced: if no other upstream can take a request, it
    /// can. Above 0; 1 is the full capacity.
    pub fn set_ramp(&self, fraction: f64) {
        let fraction = fraction.clamp(f64::MIN_POSITIVE, 1.0);
        self.ramp.store(fraction.to_bits(), SeqCst);
        self.publish_weight();
    }

    /// The upstream has refused `load`, whatever its gauge said. Until the next sample it counts as having no room for
    /// that much, but room for less.
    pub fn refused(&self, load: Load) {
        let full = self.assigned().wrapping_add(load.micros() - 1);
        let lower = |ceiling: i64| (ceiling.wrapping_sub(full) > 0).then_some(full);
        // Err: the ceiling was lower already.
        let _ = self.ceiling.fetch_update(AcqRel, Acquire, lower);
    }

    /// Sets the capacity, for example after a configuration reload. `None` makes it unknown until a sample states it.
    pub fn set_capacity(&self, capacity: Option<Load>) {
        let _guard = self.write_lock();
        let assigned = self.assigned.load(Acquire);
        self.set_ceiling(capacity, self.estimate_from(assigned), assigned);
        self.publish_weight();
    }

    /// Makes the floor of `group` follow this ledger.
    pub(crate) fn join(&self, group: &Arc<Group>) {
        self.group.store(Some(Arc::clone(group)));
    }

    /// To be called when the score may have fallen.
    #[inline]
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

    /// The greatest `assigned` for which the estimate stays within the capacity; `assigned` is its present value.
    fn ceiling_for(capacity: Option<Load>, estimate: i64, assigned: i64) -> i64 {
        let most = capacity.map_or(MOST, Load::micros);
        assigned.wrapping_add(most.saturating_sub(estimate))
    }

    /// Computes and stores the weight. An ejection and a sample may call this at the same time. So after the weight is
    /// written, its inputs are read again: the last writer has then seen the other's change.
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

    /// The factor that turns an estimate into a score; NaN while the upstream is not eligible.
    #[inline]
    pub(crate) fn weight(&self) -> f64 {
        f64::from_bits(self.weight.load(Relaxed))
    }

    /// The present `assigned`; [`Ledger::reserve_from`] compares with it.
    #[inline]
    pub(crate) fn assigned(&self) -> i64 {
        self.assigned.load(Relaxed)
    }

    /// The present `settled`.
    #[inline]
    pub(crate) fn settled(&self) -> i64 {
        self.settled.load(Acquire)
    }

    /// The estimate in millionths, for this `assigned`.
    #[inline]
    pub(crate) fn estimate_from(&self, assigned: i64) -> i64 {
        self.value
            .load(Relaxed)
            .saturating_add(self.unseen_from(assigned))
    }

    /// The part of the estimate that the gauge can't contain, for this `assigned`.
    #[inline]
    fn unseen_from(&self, assigned: i64) -> i64 {
        self.unseen.load(Relaxed).wrapping_add(assigned)
    }

    /// The load that scores are made from: this `share` of the gauge's value, plus all load that the value can't
    /// contain.
    ///
    /// With a share of 1 it is the estimate: exactly up to 2^53 millionths, and to 16 digits beyond.
    #[inline]
    #[expect(
        clippy::cast_precision_loss,
        reason = "16 digits are enough to compare by"
    )]
    pub(crate) fn shared_estimate_from(&self, assigned: i64, share: f64) -> f64 {
        share * self.value.load(Relaxed) as f64 + self.unseen_from(assigned) as f64
    }

    /// Whether `load` more would stay within the capacity, for this `assigned`.
    #[inline]
    pub(crate) fn has_room(&self, assigned: i64, load: Load) -> bool {
        self.ceiling.load(Relaxed).wrapping_sub(assigned) >= load.micros()
    }

    /// How much more load would stay within the capacity, in millionths. Not negative.
    pub(crate) fn headroom(&self) -> i64 {
        let assigned = self.assigned();
        self.ceiling.load(Relaxed).wrapping_sub(assigned).max(0)
    }

    /// Whether `load` more would stay within what the sums hold, for this `assigned`, whatever the capacity is.
    pub(crate) fn is_countable(&self, assigned: i64, load: Load) -> bool {
        self.estimate_from(assigned) <= MOST - load.micros()
    }

    /// Reserves if no other thread has reserved since `assigned` was read: the choice and the reservation are one step.
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

    /// The upstream has answered for `load`, or never will: from now on its gauge shows whether it is booked.
    #[inline]
    pub(crate) fn settle(&self, load: Load) {
        self.settled.fetch_add(load.micros(), Release);
        self.ended.fetch_add(1, Relaxed);
    }

    /// `load` is known not to be booked.
    #[inline]
    pub(crate) fn take_back(&self, load: Load) {
        self.assigned.fetch_sub(load.micros(), AcqRel);
        self.ended.fetch_add(1, Relaxed);
        self.loosen();
    }

    /// Whether there has been a sample.
    #[must_use]
    #[inline]
    pub fn is_sampled(&self) -> bool {
        self.samples.load(SeqCst) > 0
    }

    /// Whether it is in rotation. Without a sample it may still not be eligible: see [`Ledger::is_sampled`].
    #[must_use]
    #[inline]
    pub fn is_in(&self) -> bool {
        self.standing.load(SeqCst) == Standing::In as u8
    }

    /// The last sample's value, if there has been a sample.
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

    /// The estimate of the load now. Without a sample: the assigned load.
    #[must_use]
    pub fn estimate(&self) -> Load {
        Load::from_micros(self.estimate_from(self.assigned()).max(0))
    }

    /// The part of the estimate that the last sample can't contain.
    #[must_use]
    pub fn unseen(&self) -> Load {
        let value = self.value().unwrap_or_default();
        Load::from_micros((self.estimate().micros() - value.micros()).max(0))
    }

    /// All reservations ever made. Never falls.
    #[must_use]
    #[inline]
    pub fn reservations(&self) -> u64 {
        self.reservations.load(Relaxed)
    }

    /// Reservations that wait for their answer: requests in flight.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        // `ended` first: a reservation that ends between the two reads must not make the difference negative.
        let ended = self.ended.load(Acquire);
        self.reservations.load(Acquire).saturating_sub(ended)
    }
}

#[cfg(test)]
pub(crate) mod tests;
