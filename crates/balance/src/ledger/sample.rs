//! How a sample enters the ledger, and how the estimate goes on without one.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

use super::{
    Ledger,
    inherited::Inherited,
    sums::{Bounds, Seen, Sums},
};
use crate::{Lasts, Load};

/// The state of the ledger when a scrape was sent. To be passed to [`Ledger::sample`] with the result.
#[derive(Clone, Copy, Debug)]
#[must_use = "a sample needs the state of the ledger when its scrape was sent"]
pub struct ScrapeSent {
    /// The own sums early enough to be in the value for certain.
    pub(crate) sums: Sums,
    /// Reservations made by then: they give the order of sending.
    pub(crate) order: u64,
    /// How often the ledger was restored by then.
    pub(crate) restores: u32,
}

/// What an upstream said: its load, and perhaps its capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The load gauge.
    pub load: Load,
    /// The capacity. If a reading does not state it, the last known capacity stays.
    pub capacity: Option<Load>,
}

/// The last sample with its context.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Record {
    pub(super) gauge: i64,
    /// What the gauge can have seen of own requests.
    pub(super) seen: Seen,
    pub(super) drawn: Drawn,
    /// [`ScrapeSent::order`].
    pub(super) order: u64,
    /// [`ScrapeSent::restores`]; none where the ledger was restored after that.
    pub(super) restores: Option<u32>,
    pub(super) inherited: Inherited,
}

/// What was concluded from a sample, in millionths.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Drawn {
    pub(super) lasts: Lasts,
    /// The estimate before.
    pub(super) expected: i64,
    /// The estimate after.
    pub(super) found: i64,
    /// The most that the load can be.
    pub(super) most: i64,
    /// The gauge, as scores count it.
    pub(super) value: i64,
    /// The part of the load that is not own requests under way, where load ends with its answer.
    pub(super) foreign: i64,
    /// Own load in the value.
    pub(super) own: Bounds,
}

/// A sample and the own sums around it.
struct Observed {
    value: i64,
    settled_at_send: i64,
    assigned: i64,
    own_now: i64,
    seen: Seen,
    /// The most that the load was known to be when the ledger was restored, if the scrape was sent before that: the
    /// other process may have booked after it what its own sample had already.
    least_most: i64,
}

impl Observed {
    /// Load that outlives its answer: between what was settled before the scrape left, and all that was assigned when
    /// it arrived. `expected` is the previous estimate, if there is one.
    fn of_sessions(&self, expected: Option<i64>) -> Drawn {
        let ambiguous = self.assigned.wrapping_sub(self.settled_at_send).max(0);
        let most = self.value.saturating_add(ambiguous).max(self.least_most);
        let expected = expected.unwrap_or_else(|| i64::midpoint(self.value, most));
        Drawn {
            lasts: Lasts::Session,
            expected,
            found: expected.clamp(self.value, most),
            most,
            value: self.value,
            foreign: 0,
            own: Bounds {
                least: self.settled_at_send,
                most: self.assigned,
            },
        }
    }

    /// Load that ends with its answer: what the gauge has beyond own requests, and those. `foreign` is what it had
    /// beyond them before, if that is known.
    fn of_answers(&self, expected: Option<i64>, foreign: Option<i64>) -> Drawn {
        let own = self.seen.under_way;
        let beyond = |own: i64| (self.value - own).max(0);
        let (least, most) = (beyond(own.most), beyond(own.least));
        let most = most.max(self.least_most - self.own_now);
        let foreign = foreign
            .unwrap_or_else(|| beyond(own.middle()))
            .clamp(least, most);
        let found = foreign.saturating_add(self.own_now);
        Drawn {
            lasts: Lasts::Answer,
            expected: expected.unwrap_or(found),
            found,
            most: most.saturating_add(self.own_now),
            value: foreign.saturating_add((self.value - foreign).clamp(own.least, own.most)),
            foreign,
            own,
        }
    }
}

impl Ledger {
    /// To be called right before a scrape is written to the wire.
    #[inline]
    pub fn scrape_sent(&self) -> ScrapeSent {
        // First: whatever a restore adds later is then known to come after this.
        let restores = self.restores.load(Acquire);
        ScrapeSent {
            sums: self.sums_at_send(),
            order: self.reservations(),
            restores,
        }
    }

    /// Takes the result of a scrape, right after its answer arrived. Scrapes of one upstream don't overlap.
    pub fn sample(&self, sent: ScrapeSent, reading: Reading) {
        self.write(sent, reading, &mut self.record());
    }

    /// Writes a sample. No other code does.
    pub(super) fn write(&self, sent: ScrapeSent, reading: Reading, record: &mut Record) {
        let assigned = self.assigned.load(Acquire);
        let arrived = self.sums_at_arrival(assigned);
        let is_before = sent.restores != self.restores.load(Relaxed);
        let observed = Observed {
            value: self.believed(reading.load.micros()),
            settled_at_send: sent.sums.settled,
            assigned,
            own_now: arrived.under_way,
            seen: Seen::between(&sent.sums, &arrived),
            least_most: if is_before {
                self.most_from(assigned)
            } else {
                0
            },
        };
        let is_sampled = self.is_sampled();
        let expected = is_sampled.then(|| self.estimate_from(assigned));
        let drawn = match self.lasts() {
            Lasts::Session => observed.of_sessions(expected),
            Lasts::Answer => {
                let foreign = record.drawn.foreign;
                observed.of_answers(expected, is_sampled.then_some(foreign))
            }
        };
        *record = Record {
            gauge: reading.load.micros(),
            seen: observed.seen,
            drawn,
            order: sent.order,
            restores: (!is_before).then_some(sent.restores),
            inherited: record.inherited.shown(is_before),
        };
        self.gauge.store(reading.load.micros(), Relaxed);
        self.conclude(&drawn, assigned);
        self.set_ceiling(reading.capacity.or(self.capacity()));
        if self.samples.fetch_add(1, SeqCst) == 0 {
            self.mirror();
        }
        self.publish_weight();
    }

    /// Sets how long own load lasts, and concludes from the last sample anew.
    ///
    /// Load that is reserved now ends as the new rule says.
    pub fn set_lasts(&self, lasts: Lasts) {
        if self.lasts() == lasts {
            return;
        }
        let mut record = self.record();
        self.lasts.store(lasts as u8, SeqCst);
        // What has been answered for since the sample is not known for sessions: their estimate goes on as it is.
        if lasts == Lasts::Answer && self.is_sampled() {
            let assigned = self.assigned.load(Acquire);
            let observed = Observed {
                value: record.gauge,
                settled_at_send: 0,
                assigned,
                own_now: self.sums_at_arrival(assigned).under_way,
                seen: record.seen,
                least_most: 0,
            };
            record.drawn = observed.of_answers(Some(record.drawn.expected), None);
            self.conclude(&record.drawn, assigned);
            self.set_ceiling(self.capacity());
            self.loosen();
        }
    }

    /// Extrapolates the estimate when there is no sample. `drift` is the relative change of the load of the sampled
    /// upstreams beyond own bookings: −0.1 if a tenth of it ended.
    ///
    /// A ledger that only counts bookings grows as long as its gauge is silent, because it does not learn of sessions
    /// that end. The upstream would get less and less load although it is as empty as the others. How much ends there
    /// is unknown. The best guess is that its load changes like that of the others; the next sample corrects it.
    ///
    /// One at its [limit](super::RequestLimit) does not follow the others downwards: it is silent because it hangs as
    /// likely as because its page does, and load that seems to end there would draw requests.
    ///
    /// It does not change the room, and nothing at all where load ends with its answer: then the ledger learns of the
    /// ends without a gauge.
    pub fn extrapolate(&self, drift: f64) {
        if !self.is_sampled() || self.lasts() == Lasts::Answer {
            return;
        }
        if drift < 0.0 && self.is_at_limit() {
            return;
        }
        let _record = self.record();
        let assigned = self.assigned.load(Acquire);
        let estimate = Load::from_micros(self.estimate_from(assigned).max(0));
        let drifted = Load::new(estimate.units() * (1.0 + drift).max(0.0)).unwrap_or(estimate);
        self.set_estimate(drifted.micros(), drifted.micros(), assigned);
        self.loosen();
    }

    /// Puts what was concluded from a sample in force, for this `assigned`.
    pub(super) fn conclude(&self, drawn: &Drawn, assigned: i64) {
        self.unassigned_most
            .store(drawn.most.wrapping_sub(assigned), Relaxed);
        self.set_estimate(drawn.value, drawn.found, assigned);
    }

    /// Sets the gauge to `value` and the load to `estimate`, for this `assigned`.
    fn set_estimate(&self, value: i64, estimate: i64, assigned: i64) {
        let unseen = (estimate - value).wrapping_sub(assigned);
        self.value.store(value, Relaxed);
        self.unseen.store(unseen, Release);
        self.mirror();
    }
}
