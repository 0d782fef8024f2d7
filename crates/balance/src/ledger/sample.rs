//! How what a gauge says comes into an account.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

use super::{Ledger, write_lock::WriteGuard};
use crate::Load;

/// What the ledger stood at when a scrape left. Hand it back with the scrape's result.
#[derive(Clone, Copy, Debug)]
#[must_use = "a sample can only be read against the ledger as it stood when its scrape left"]
pub struct ScrapeSent {
    /// What was settled so early that the value certainly shows it.
    pub(crate) settled: i64,
    /// Reservations made by then: the order of what was sent.
    pub(crate) order: u64,
}

impl ScrapeSent {
    /// The bounds of the load that a sample of `value` allows, with `assigned` as it stands on arrival.
    fn allows(self, value: i64, assigned: i64) -> (i64, i64) {
        (value, value + assigned.wrapping_sub(self.settled).max(0))
    }
}

/// What the gauge said, and the scale it is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The load gauge.
    pub load: Load,
    /// The most the upstream can take. Where a reading does not say, what was known before goes on.
    pub capacity: Option<Load>,
}

impl Ledger {
    /// To be called right before a scrape is written to the wire.
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

    /// The one place that changes a sample; [`WriteGuard`] says that nobody else is there.
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

    /// Carries the estimate on without a sample. `drift` is what became of the load of those that were
    /// sampled, beyond one's own bookings, as a share of it: −0.1 where a tenth of it ended.
    ///
    /// A ledger that only counts bookings grows for as long as its gauge is silent, since nothing tells it of
    /// sessions that end. Then the upstream gets less and less although it is as empty as the rest. What
    /// ends there is not known; that it does what the others do is the best guess, and the next sample corrects it.
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
            // It has refused: only a sample can say that there is room again.
            self.ceiling.fetch_min(ceiling, AcqRel);
        }
        self.loosen();
    }

    /// From now on, with `assigned` as given: a gauge of `value`, a load of `estimate`.
    fn set_estimate(&self, value: i64, estimate: i64, assigned: i64, capacity: Option<Load>) {
        let unseen = (estimate - value).wrapping_sub(assigned);
        self.value.store(value, Relaxed);
        self.unseen.store(unseen, Release);
        self.set_ceiling(capacity, estimate, assigned);
    }
}
