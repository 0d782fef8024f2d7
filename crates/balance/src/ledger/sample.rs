//! How a sample enters the ledger, and how the estimate goes on without one.

use std::{
    sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst},
    time::Duration,
};

use super::{
    Ledger,
    inherited::Inherited,
    sums::{Bounds, Running, Seen, Sums},
};
use crate::{Lasts, Load};

/// The state of the ledger when a scrape was sent. To be passed to [`Ledger::sample`] with the result.
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a sample needs the state of the ledger when its scrape was sent"]
pub struct ScrapeSent {
    /// The own sums early enough to be in the value for certain.
    pub(crate) sums: Sums,
    /// Reservations made by then: they give the order of sending.
    pub(crate) order: u64,
    /// How often the ledger was restored by then.
    pub(crate) restores: u32,
}

/// The state of a ledger at one moment, for samples that are told long after they were taken: see [`crate::past`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PastState {
    /// Since a fixed moment, by the caller's clock.
    pub(crate) at: Duration,
    pub(crate) assigned: i64,
    pub(crate) sent: ScrapeSent,
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
pub(crate) struct Record {
    pub(super) gauge: i64,
    /// What the gauge can have seen of own requests.
    pub(super) seen: Seen,
    pub(super) drawn: Drawn,
    /// [`ScrapeSent::order`].
    pub(super) order: u64,
    /// [`ScrapeSent::restores`]; none where the ledger was restored after that.
    pub(super) restores: Option<u32>,
    pub(super) inherited: Inherited,
    /// Own load when the last scrape left.
    pub(super) scraped: Scraped,
}

/// Running sums of own load when a scrape left: what is booked after it counts in full until the next one.
///
/// A report (`report.rs`) has own bookings in its value that are younger than the last scrape. An upstream that sends none has
/// the same bookings beside its value. With a share below 1 scores count little of the values and all that is beside them, so
/// an upstream that reports would look emptier than the others with each booking, and get all load whatever it bears.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scraped {
    settled: i64,
    answers: i64,
}

impl Scraped {
    pub(super) fn at(sums: &Sums, lasts: Lasts) -> Self {
        Self {
            settled: sums.settled,
            answers: sums.answers(lasts).reserved,
        }
    }

    /// Own load in the value of a report that left with these sums, and not in that of the scrape.
    fn until(self, sums: &Sums, drawn: &Drawn) -> i64 {
        let now = Self::at(sums, drawn.lasts);
        let sessions = now.settled.wrapping_sub(self.settled).max(0);
        let answers = now.answers.wrapping_sub(self.answers).max(0);
        let answers = answers.min(drawn.answers.middle().max(0));
        sessions.saturating_add(answers).min(drawn.value)
    }
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
    /// Own load in the value.
    pub(super) own: Bounds,
    /// The part of it that ends with its answer.
    pub(super) answers: Bounds,
}

/// A sample and the own sums around it.
struct Observed {
    /// The rule for load whose request says nothing.
    lasts: Lasts,
    value: i64,
    settled_at_send: i64,
    assigned: i64,
    /// The load that outlives its answer of which it is certain that it was assigned after the value was read.
    later: i64,
    /// Own load that ends with its answer: as the gauge can have seen it, and now.
    answers: Bounds,
    answers_now: i64,
    /// The most that the load was known to be when the ledger was restored, if the scrape was sent before that: the
    /// other process may have booked after it what its own sample had already.
    least_most: i64,
}

impl Observed {
    /// What follows from a sample. What the gauge has beyond the own load that ends with its answer is load that outlives
    /// it: `believed` as far as the gauge is, and between what was settled before the scrape left and all that was assigned
    /// when it arrived. What came `later` is not in the gauge. `expected` is the estimate before, if there is one.
    fn conclude(&self, expected: Option<i64>, believed: impl Fn(i64) -> i64) -> Drawn {
        let (answers, now) = (self.answers, self.answers_now);
        let beyond = |own: i64| believed((self.value - own).max(0));
        let (least, shown) = (beyond(answers.most), beyond(answers.least));
        let sessions = self.assigned.wrapping_sub(now);
        let ambiguous = sessions.wrapping_sub(self.settled_at_send).max(0);
        let most = shown.saturating_add(ambiguous).max(self.least_most - now);
        let later = self.later.min(ambiguous);
        let rest = if let Some(expected) = expected {
            expected - now
        } else {
            let middle = beyond(answers.middle());
            i64::midpoint(
                middle.saturating_add(later),
                middle.saturating_add(ambiguous),
            )
        };
        let rest = rest.clamp(least.saturating_add(later).min(most), most);
        // As far as the gauge can have it.
        let in_gauge = (rest - later).clamp(least, shown);
        let own_in_gauge = (self.value - in_gauge).clamp(answers.least, answers.most);
        let found = rest.saturating_add(now);
        Drawn {
            lasts: self.lasts,
            expected: expected.unwrap_or(found),
            found,
            most: most.saturating_add(now),
            value: in_gauge.saturating_add(own_in_gauge),
            own: Bounds {
                least: self.settled_at_send.wrapping_add(answers.least),
                most: sessions.wrapping_sub(later).wrapping_add(answers.most),
            },
            answers,
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
        self.write_scrape(sent, None, reading, &mut self.record());
    }

    /// Writes a sample that a scrape brought. Its value was read before `after`; if that is `None`, before now.
    pub(crate) fn write_scrape(
        &self,
        sent: ScrapeSent,
        after: Option<&PastState>,
        reading: Reading,
        record: &mut Record,
    ) {
        record.scraped = Scraped::at(&sent.sums, self.lasts());
        self.write(sent, after, reading, record);
    }

    /// Writes a sample. No other code does.
    pub(super) fn write(
        &self,
        sent: ScrapeSent,
        after: Option<&PastState>,
        reading: Reading,
        record: &mut Record,
    ) {
        let assigned = self.assigned.load(Acquire);
        let now = self.sums_at_arrival(assigned);
        let is_before = sent.restores != self.restores.load(Relaxed);
        let lasts = self.lasts();
        let answers_now = now.answers(lasts).under_way();
        let (arrived, later) = match after {
            None => (now, 0),
            Some(past) => {
                let then = past
                    .assigned
                    .wrapping_sub(past.sent.sums.answers(lasts).under_way());
                let now = assigned.wrapping_sub(answers_now);
                let later = now.wrapping_sub(then).max(0);
                (past.sent.sums, later)
            }
        };
        let gauge = reading.load.micros();
        let observed = Observed {
            lasts,
            value: gauge,
            settled_at_send: sent.sums.settled,
            assigned,
            later,
            answers: Running::between(sent.sums.answers(lasts), arrived.answers(lasts)),
            answers_now,
            least_most: if is_before {
                self.most_from(assigned)
            } else {
                0
            },
        };
        let expected = self.is_sampled().then(|| self.estimate_from(assigned));
        let drawn = observed.conclude(expected, |rest| self.believed(rest));
        *record = Record {
            gauge,
            seen: Seen::between(&sent.sums, &arrived),
            drawn,
            order: sent.order,
            restores: (!is_before).then_some(sent.restores),
            inherited: record.inherited.shown(is_before),
            scraped: record.scraped,
        };
        self.gauge.store(gauge, Relaxed);
        let since = record.scraped.until(&sent.sums, &drawn);
        self.conclude_beside(&drawn, since, assigned);
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
        // What has been answered for since the sample is not known for sessions: their estimate goes on as it is, and so
        // does that of an upstream that bears some.
        if lasts == Lasts::Answer && self.is_sampled() && !self.is_told() {
            let assigned = self.assigned.load(Acquire);
            let now = self.sums_at_arrival(assigned);
            let observed = Observed {
                lasts,
                value: record.gauge,
                settled_at_send: now.settled,
                assigned,
                later: 0,
                answers: record.seen.under_way,
                answers_now: now.all.under_way(),
                least_most: 0,
            };
            record.drawn = Drawn {
                expected: record.drawn.expected,
                ..observed.conclude(None, |rest| rest)
            };
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
    /// It does not change the room, and nothing at all of own load that ends with its answer: then the ledger learns of
    /// the ends without a gauge.
    #[doc(hidden)]
    pub fn extrapolate(&self, drift: f64) {
        let has_sessions = self.lasts() == Lasts::Session || self.is_told();
        if !self.is_sampled() || !has_sessions {
            return;
        }
        if drift < 0.0 && self.is_at_limit() {
            return;
        }
        let _record = self.record();
        let assigned = self.assigned.load(Acquire);
        let answers = self.answers_under_way(assigned);
        let rest = Load::from_micros((self.estimate_from(assigned) - answers).max(0));
        let drifted = Load::new(rest.units() * (1.0 + drift).max(0.0)).unwrap_or(rest);
        let estimate = drifted.micros().saturating_add(answers);
        self.set_estimate(estimate, estimate, assigned);
        self.loosen();
    }

    /// Puts what was concluded from a sample in force, for this `assigned`.
    pub(super) fn conclude(&self, drawn: &Drawn, assigned: i64) {
        self.conclude_beside(drawn, 0, assigned);
    }

    /// The same, where so much of the value counts as if it were beside it.
    fn conclude_beside(&self, drawn: &Drawn, beside: i64, assigned: i64) {
        self.unassigned_most
            .store(drawn.most.wrapping_sub(assigned), Relaxed);
        self.set_estimate(drawn.value - beside, drawn.found, assigned);
    }

    /// Sets the gauge to `value` and the load to `estimate`, for this `assigned`.
    fn set_estimate(&self, value: i64, estimate: i64, assigned: i64) {
        let unseen = (estimate - value).wrapping_sub(assigned);
        self.value.store(value, Relaxed);
        self.unseen.store(unseen, Release);
        self.mirror();
    }
}
