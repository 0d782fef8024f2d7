//! How a sample enters the ledger, and how the estimate goes on without one.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

use super::{Ledger, write_lock::WriteGuard};
use crate::Load;

/// The state of the ledger when a scrape was sent. To be passed to [`Ledger::sample`] with the result.
#[derive(Clone, Copy, Debug)]
#[must_use = "a sample needs the state of the ledger when its scrape was sent"]
pub struct ScrapeSent {
    /// The sum of all load that was settled early enough to be in the value for certain.
    pub(crate) settled: i64,
    /// Reservations made by then: they give the order of sending.
    pub(crate) order: u64,
}

impl ScrapeSent {
    /// The bounds of the load that a sample of `value` allows; `assigned` is the sum when it arrives.
    fn allows(self, value: i64, assigned: i64) -> (i64, i64) {
        let perhaps = assigned.wrapping_sub(self.settled).max(0);
        (value, value.saturating_add(perhaps))
    }
}

/// What an upstream said: its load, and perhaps its capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The load gauge.
    pub load: Load,
    /// The capacity. If a reading does not state it, the last known capacity stays.
    pub capacity: Option<Load>,
}

impl Ledger {
    /// To be called right before a scrape is written to the wire.
    #[inline]
    pub fn scrape_sent(&self) -> ScrapeSent {
        ScrapeSent {
            settled: self.settled(),
            order: self.reservations(),
        }
    }

    /// Takes the result of a scrape, right after its answer arrived. Scrapes of one upstream don't overlap.
    pub fn sample(&self, sent: ScrapeSent, reading: Reading) {
        self.write(sent, reading, &self.write_lock());
    }

    /// Writes a sample. No other code does; the [`WriteGuard`] excludes other writers.
    pub(super) fn write(&self, sent: ScrapeSent, reading: Reading, _: &WriteGuard<'_>) {
        let assigned = self.assigned.load(Acquire);
        let value = reading.load.micros();
        let (least, most) = sent.allows(value, assigned);
        let expected = if self.is_sampled() {
            self.estimate_from(assigned)
        } else {
            i64::midpoint(least, most)
        };
        let found = expected.clamp(least, most);

        self.gauge.store(value, Relaxed);
        self.settled_at_send.store(sent.settled, Relaxed);
        self.assigned_at_arrival.store(assigned, Relaxed);
        self.expected.store(expected, Relaxed);
        self.found.store(found, Relaxed);
        self.order.store(sent.order, Relaxed);
        self.set_estimate(value, found, assigned, reading.capacity.or(self.capacity()));
        self.samples.fetch_add(1, SeqCst);
        self.publish_weight();
    }

    /// Extrapolates the estimate when there is no sample. `drift` is the relative change of the load of the sampled
    /// upstreams beyond own bookings: −0.1 if a tenth of it ended.
    ///
    /// A ledger that only counts bookings grows as long as its gauge is silent, because it does not learn of sessions
    /// that end. The upstream would get less and less load although it is as empty as the others. How much ends there
    /// is unknown. The best guess is that its load changes like that of the others; the next sample corrects it.
    pub fn extrapolate(&self, drift: f64) {
        if !self.is_sampled() {
            return;
        }
        let _guard = self.write_lock();
        let assigned = self.assigned.load(Acquire);
        let estimate = Load::from_micros(self.estimate_from(assigned).max(0));
        let ceiling = self.ceiling.load(Relaxed);
        let is_lowered = ceiling != Self::ceiling_for(self.capacity(), estimate.micros(), assigned);
        let drifted = Load::new(estimate.units() * (1.0 + drift).max(0.0)).unwrap_or(estimate);
        self.set_estimate(
            drifted.micros(),
            drifted.micros(),
            assigned,
            self.capacity(),
        );
        if is_lowered {
            // The upstream has refused a request: only a sample can show that there is room again.
            self.ceiling.fetch_min(ceiling, AcqRel);
        }
        self.loosen();
    }

    /// Sets the gauge to `value` and the load to `estimate`, for this `assigned`.
    fn set_estimate(&self, value: i64, estimate: i64, assigned: i64, capacity: Option<Load>) {
        let unseen = (estimate - value).wrapping_sub(assigned);
        self.value.store(value, Relaxed);
        self.unseen.store(unseen, Release);
        self.set_ceiling(capacity, estimate, assigned);
    }
}
