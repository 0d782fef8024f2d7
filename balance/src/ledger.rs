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
//! it arrived is not. What lies between may or may not be, and counts half:
//!
//! ```text
//! estimate = value + (assigned − assigned_at_arrival) + ½ · (assigned_at_arrival − settled_at_send)
//! ```
//!
//! All but `assigned` is fixed when the sample arrives, so an estimate is one addition, and a booking is two
//! atomic additions: no list of sessions, no lock, no clock but the order of events. The sums wrap; only
//! their differences are ever read, and those are small.

use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
};

use crate::Load;

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

/// What the ledger stood at when a scrape left. Hand it back with the scrape's result.
#[derive(Clone, Copy, Debug)]
#[must_use = "a sample can only be read against the ledger as it stood when its scrape left"]
pub struct ScrapeSent {
    settled: i64,
}

/// What the gauge said, and the scale it is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The load gauge.
    pub load: Load,
    /// The most the upstream can take. Where a reading does not say, what was known before goes on.
    pub capacity: Option<Load>,
}

/// The account of one upstream. Shared by all threads; every method takes `&self`.
///
/// The four fields that a choice reads come first and are derived at sample time, so that comparing a
/// thousand upstreams touches one cache line each and does one addition, one multiplication.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Ledger {
    /// Load reserved and not taken back, ever.
    assigned: AtomicI64,
    /// `estimate − assigned`: everything of the estimate that stood still since the sample.
    base: AtomicI64,
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
    /// The last sample's value.
    value: AtomicI64,
    /// The last known capacity in millionths; [`UNKNOWN`] where none is known.
    capacity: AtomicI64,
    /// Whether a first sample has come.
    sampled: AtomicBool,
    /// [`Standing`], as a number.
    standing: AtomicU8,
    /// See [`Ledger::set_ramp`]; the bits of an `f64`.
    ramp: AtomicU64,
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
            base: AtomicI64::new(0),
            ceiling: AtomicI64::new(0),
            weight: AtomicU64::new(f64::NAN.to_bits()),
            settled: AtomicI64::new(0),
            reservations: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            value: AtomicI64::new(0),
            capacity: AtomicI64::new(UNKNOWN),
            sampled: AtomicBool::new(false),
            standing: AtomicU8::new(Standing::In as u8),
            ramp: AtomicU64::new(1_f64.to_bits()),
        };
        ledger.set_ceiling(capacity, 0, 0);
        ledger
    }

    /// To be called right before a scrape is written to the wire.
    pub fn scrape_sent(&self) -> ScrapeSent {
        ScrapeSent {
            settled: self.settled.load(Acquire),
        }
    }

    /// Takes the result of a scrape, right after its answer arrived. One writer at a time: scrapes of one
    /// upstream don't overlap.
    pub fn sample(&self, sent: ScrapeSent, reading: Reading) {
        let assigned = self.assigned.load(Acquire);
        let ambiguous = assigned.wrapping_sub(sent.settled).max(0);
        let base = reading.load.micros() + ambiguous / 2;

        self.value.store(reading.load.micros(), Relaxed);
        self.base.store(base.wrapping_sub(assigned), Release);
        self.set_ceiling(reading.capacity.or(self.capacity()), base, assigned);
        self.sampled.store(true, SeqCst);
        self.publish_weight();
    }

    /// Puts the upstream into rotation or takes it out.
    pub fn set_standing(&self, standing: Standing) {
        self.standing.store(standing as u8, SeqCst);
        self.publish_weight();
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

    fn set_ceiling(&self, capacity: Option<Load>, base: i64, assigned: i64) {
        let headroom = capacity.map_or(BOUNDLESS, |c| c.micros() - base);
        self.capacity
            .store(capacity.map_or(UNKNOWN, Load::micros), Relaxed);
        self.ceiling.store(assigned.wrapping_add(headroom), Release);
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
                return;
            }
        }
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

    /// The estimate in millionths with `assigned` as given.
    #[inline]
    pub(crate) fn estimate_from(&self, assigned: i64) -> i64 {
        self.base.load(Relaxed).wrapping_add(assigned)
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
    }

    /// Whether a first sample has come.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampled.load(SeqCst)
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
            .then(|| Load::from_micros(self.value.load(Relaxed)))
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
        Load::from_micros(self.estimate().micros() - value.micros())
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
mod tests;
