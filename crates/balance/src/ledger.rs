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
//! Where a load [lasts](crate::Lasts) only as long as its answer, the ledger knows its own part of the load exactly: the
//! requests that are under way. `assigned` then falls with each answer, and a sample says only what there is beyond
//! own requests:
//!
//! ```text
//! foreign  = max(0, value − own load under way that the sample saw)
//! estimate = foreign + own load under way now
//! ```
//!
//! What the sample saw lies between the own load that was under way all the while from the scrape's send to its arrival
//! and the own load that was under way at any time in between. Within these bounds the previous `foreign` stays.
//!
//! Where an upstream bears load of both kinds, because requests say how long theirs lasts (`told.rs`), each kind keeps its
//! rule: what the gauge has beyond the own load that ends with its answer is read as load that outlives it.
//!
//! ```text
//! rest     = what the first rule says of (value − own load that ends with its answer and that the sample saw)
//! estimate = rest + own load now that ends with its answer
//! ```
//!
//! An estimate decides the choice. Whether a request still fits is decided by the most that the load can be: see
//! `room.rs`. The own sums are in `sums.rs`.
//!
//! Everything but `assigned` is fixed when the sample arrives. So an estimate is one addition, and a booking is two
//! atomic additions: no list of sessions, no lock, no clock but the order of events. The sums wrap; only their
//! differences are read, and those are small.
//!
//! While a gauge fails and others don't, its estimate is extrapolated: see [`Ledger::extrapolate`]. A gauge that does not
//! show what was booked is not believed: see [`trust`](crate::trust).

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;

use crate::{
    Lasts, Load,
    group::Group,
    sync::{
        Mutex,
        atomic::{
            AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
        },
    },
};

mod carry;
mod estimate;
mod feeder;
mod inherited;
mod joined;
mod last_sample;
mod limit;
mod own_ends;
mod report;
mod room;
mod running;
mod sample;
mod sums;
mod told;
mod trust;

#[doc(hidden)]
pub use carry::{CarriedLedger, Carrier};
#[doc(hidden)]
pub use feeder::FeederPath;
pub use feeder::{Feeder, FeederLock};
#[doc(hidden)]
pub use last_sample::LastSample;
pub(crate) use last_sample::Untold;
#[doc(hidden)]
pub use limit::RequestLimit;
pub(crate) use own_ends::OwnLive;
pub use report::ReportSent;
pub(crate) use sample::PastState;
pub use sample::{Reading, ScrapeSent};
pub(crate) use sums::{Bounds, Sums};
pub(crate) use told::End;
#[doc(hidden)]
pub use trust::Trust;

use joined::Joined;
pub(crate) use joined::Reserved;
use own_ends::OwnEnds;
use sample::Record;
use told::Told;

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
    /// All load ever reserved, without what `sums.rs` says has left.
    assigned: AtomicI64,
    /// What the gauge is estimated to show: the last sample's value, or its extrapolation.
    value: AtomicI64,
    /// `estimate − value − assigned`: constant between two samples.
    unseen: AtomicI64,
    /// The greatest `assigned` for which the load stays within the capacity for certain.
    ceiling: AtomicI64,
    /// 1 / (capacity · ramp), as bits of an `f64`; capacity 1 where none is known. NaN while the upstream is not
    /// eligible: a score of NaN is never less than another, so the scan needs no branch for it.
    weight: AtomicU64,
    /// Whether it is under feeders: see `joined.rs`. Each reservation asks, so it is beside what the choice has read.
    is_joined: AtomicBool,

    /// See `sums.rs`.
    settled: AtomicI64,
    /// See `sums.rs`.
    answered: AtomicI64,
    /// See `sums.rs`.
    cancelled: AtomicI64,
    /// All reservations ever made.
    reservations: AtomicU64,
    /// All reservations that have ended, with any result.
    ended: AtomicU64,
    /// See `limit.rs`.
    request_limit: AtomicU64,
    /// The last sample's value.
    gauge: AtomicI64,
    /// The number of samples.
    samples: AtomicU64,
    /// The most that the load can be, less `assigned`: constant between two samples.
    unassigned_most: AtomicI64,
    /// The last known capacity in millionths; `room::UNKNOWN` where none is known.
    capacity: AtomicI64,
    /// Reservations whose answer has begun and that have not ended.
    begun: AtomicU64,
    /// The last sample with its context. The lock is the right to write a sample.
    record: Mutex<Record>,
    /// See `own_ends.rs`; nothing until an answer says how long its session lasts.
    own_ends: OnceLock<Box<OwnEnds>>,
    /// See `told.rs`; nothing until a request says how long its load lasts.
    told: OnceLock<Box<Told>>,
    /// See `trust.rs`.
    beside_own: AtomicI64,
    /// [`Trust`], as a number.
    trust: AtomicU8,
    /// [`Lasts`], as a number.
    lasts: AtomicU8,
    /// See [`Ledger::set_stale`].
    stale: AtomicBool,
    /// [`Standing`], as a number.
    standing: AtomicU8,
    /// How often it was restored: see `carry.rs`.
    restores: AtomicU32,
    /// See [`Ledger::set_ramp`]; the bits of an `f64`.
    ramp: AtomicU64,
    /// The group whose floor is loosened when this ledger's score may have fallen.
    group: ArcSwapOption<Group>,
    /// See [`Ledger::set_limit`]; `room::UNKNOWN` where none is set.
    limit: AtomicI64,
    /// The factor of scores where nothing bounds the load: 1, and 0 for the meter of a feeder.
    unbounded_weight: f64,
    /// See `joined.rs`.
    joined: ArcSwapOption<Joined>,
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
        Self::with_unbounded_weight(capacity, 1.0)
    }

    /// The ledger of a feeder's meter: without a capacity its score is 0, because it limits nothing.
    pub(crate) fn of_meter() -> Self {
        Self::with_unbounded_weight(None, 0.0)
    }

    fn with_unbounded_weight(capacity: Option<Load>, unbounded_weight: f64) -> Self {
        let ledger = Self {
            assigned: AtomicI64::new(0),
            value: AtomicI64::new(0),
            unseen: AtomicI64::new(0),
            ceiling: AtomicI64::new(0),
            weight: AtomicU64::new(f64::NAN.to_bits()),
            settled: AtomicI64::new(0),
            answered: AtomicI64::new(0),
            cancelled: AtomicI64::new(0),
            reservations: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            request_limit: AtomicU64::new(limit::UNLIMITED),
            gauge: AtomicI64::new(0),
            samples: AtomicU64::new(0),
            unassigned_most: AtomicI64::new(0),
            capacity: AtomicI64::new(room::UNKNOWN),
            begun: AtomicU64::new(0),
            record: Mutex::default(),
            own_ends: OnceLock::new(),
            told: OnceLock::new(),
            beside_own: AtomicI64::new(0),
            trust: AtomicU8::new(Trust::Trusted as u8),
            lasts: AtomicU8::new(Lasts::Session as u8),
            stale: AtomicBool::new(false),
            standing: AtomicU8::new(Standing::In as u8),
            restores: AtomicU32::new(0),
            ramp: AtomicU64::new(1_f64.to_bits()),
            group: ArcSwapOption::empty(),
            limit: AtomicI64::new(room::UNKNOWN),
            unbounded_weight,
            is_joined: AtomicBool::new(false),
            joined: ArcSwapOption::empty(),
        };
        ledger.set_ceiling(capacity);
        ledger
    }

    /// How long own load lasts, unless its request [says so](crate::Reservation::lasting).
    #[must_use]
    #[inline]
    pub fn lasts(&self) -> Lasts {
        Lasts::from_number(self.lasts.load(Relaxed))
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

    /// Makes the floor of `group` follow this ledger.
    pub(crate) fn join(&self, group: &Arc<Group>) {
        self.group.store(Some(Arc::clone(group)));
    }

    /// To be called when the score may have fallen.
    #[inline]
    pub(crate) fn loosen(&self) {
        if let Some(group) = &*self.group.load() {
            group.loosen();
        }
    }

    /// Computes and stores the weight. An ejection and a sample may call this at the same time. So after the weight is
    /// written, its inputs are read again: the last writer has then seen the other's change.
    fn publish_weight(&self) {
        let read = || (self.is_sampled() && self.is_in(), self.ramp.load(SeqCst));
        loop {
            let (is_candidate, ramp) = read();
            let weight = if is_candidate {
                self.inverse_bound() / f64::from_bits(ramp)
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

    /// All reservations ever made. Never falls.
    #[must_use]
    #[inline]
    pub fn reservations(&self) -> u64 {
        self.reservations.load(Relaxed)
    }

    /// Reservations that have not ended: requests in flight, also those whose answer is under way.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        // `ended` first: a reservation that ends between the two reads must not make the difference negative.
        let ended = self.ended.load(Acquire);
        self.reservations.load(Acquire).saturating_sub(ended)
    }
}

#[cfg(test)]
pub(crate) mod tests;
