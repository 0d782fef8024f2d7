//! A ledger that goes on in the next process.
//!
//! The old process leaves what its ledger knows; the new one takes it over, perhaps beside a sample of its own. Moments
//! are left as spans of time, because each process has its own clock, and running sums as differences.
//!
//! **Load that outlives its answer.** Of all that the old process booked, the part that its last sample may lack is
//! `U = most − certain`. What was in that sample for certain is in each sample of the new process whose scrape was sent
//! *later*. So:
//!
//! | the new process has | value | the load is | estimate |
//! | --- | --- | --- | --- |
//! | no sample | the old one | at most the old `most` | the old one |
//! | a newer sample *v* | *v* | between *v* and *v + U* | the old one, or the nearest that this allows |
//! | a scrape under way | as above, until it arrives | at most *v + U*, or the old `most` if that is more | as above |
//!
//! `U` becomes part of `assigned`, and of `settled` as far as the old process has answers for it. So the next scrape
//! that is sent shows it, and it is not counted beside that sample again. What the old process still waits for stays
//! unsettled until the caller knows that nothing of it is under way any more: [`Ledger::predecessor_ended`].
//!
//! **Load that ends with its answer.** The old process's requests are not this one's own, so its estimate is load of
//! others until the next sample says what there is. They may stay for hours, as streams do: each sample shows those that
//! are left. With a process that has died they are gone. The same holds for such load beside sessions.
//!
//! A step from a sample before to one after is no step: what was booked in between was booked by two processes. The
//! estimators pass over it ([`LastSample::follows`](super::LastSample)).

use std::{
    sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
    time::Duration,
};

use super::{
    Ledger, Trust,
    sample::{Drawn, Record, Scraped},
    sums::Bounds,
};
use crate::{Lasts, Load, load::MOST};

/// What one process knows of one upstream's load, for the next. Loads are in millionths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CarriedLedger {
    /// Whether there was a sample.
    pub is_sampled: bool,
    /// What it said.
    pub gauge: i64,
    /// What the sample was taken to show.
    pub certain: i64,
    /// The part of the estimate that scores count as the gauge.
    pub value: i64,
    /// The estimate.
    pub estimate: i64,
    /// The most that the load can be.
    pub most: i64,
    /// Own load that outlives its answer and whose requests are under way.
    pub under_way: i64,
    /// Own load that ends with its answer and whose requests are under way.
    pub answers: i64,
    /// The capacity, where it is known.
    pub capacity: Option<i64>,
    /// How long own load was taken to last.
    pub lasts: Lasts,
    /// How far the gauge is believed.
    pub trust: Trust,
    /// The load that there is thought to be beside the own load, where it is not.
    pub beside_own: i64,
    /// When own sessions end: seconds from now, and how much.
    pub own_ends: Vec<(u32, i64)>,
}

/// What the caller knows of a [`CarriedLedger`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carrier {
    /// How long ago it was written.
    pub ago: Duration,
    /// The time since the moment that durations count from: see [`Ledger::lasts_for`].
    pub now: Duration,
    /// Whether the process that wrote it still waits for answers.
    pub is_alive: bool,
    /// Whether this process's own sample was sent for later than the carried one. If that is not known: `false`.
    pub is_own_newer: bool,
}

impl Ledger {
    /// What the next process needs to go on, at `now`, which counts as in [`Ledger::lasts_for`].
    #[doc(hidden)]
    #[must_use]
    pub fn carry(&self, now: Duration) -> CarriedLedger {
        let record = self.record();
        // First: what is settled meanwhile then counts as under way.
        let settled = self.settled.load(Acquire);
        let assigned = self.assigned.load(Acquire);
        let under_way = assigned.wrapping_sub(settled).max(0);
        let answers = self.answers_under_way(assigned).min(under_way);
        CarriedLedger {
            is_sampled: self.is_sampled(),
            gauge: record.gauge,
            certain: record.drawn.value,
            value: self.value.load(Relaxed),
            estimate: self.estimate_from(assigned).max(0),
            most: self.most_from(assigned),
            under_way: under_way - answers,
            answers,
            capacity: self.capacity().map(Load::micros),
            lasts: self.lasts(),
            trust: self.trust(),
            beside_own: self.beside_own.load(Relaxed),
            own_ends: self.own_ends_from(now),
        }
    }

    /// Goes on from what another process has left. To be called once, after [`Ledger::set_lasts`].
    ///
    /// Own reservations and samples may come at the same time.
    #[doc(hidden)]
    pub fn restore(&self, carried: &CarriedLedger, by: Carrier) {
        let mut record = self.record();
        let carried = carried.sound().without_what_is_gone(by.is_alive);
        let is_distrusted = carried.trust != Trust::Trusted;
        self.restore_own_ends(&carried.own_ends, by.now, by.ago, is_distrusted);
        self.beside_own.store(carried.beside_own, Relaxed);
        self.trust.store(carried.trust as u8, SeqCst);
        // From here on a scrape that was sent before is known as such.
        self.restores.fetch_add(1, AcqRel);
        let is_own_newer = self.is_sampled() && (by.is_own_newer || !carried.is_sampled);
        let drawn = match self.lasts() {
            Lasts::Session => self.restore_sessions(&carried, by, is_own_newer, &mut record),
            Lasts::Answer => self.restore_answers(&carried, &mut record),
        };
        let gauge = if is_own_newer {
            record.gauge
        } else {
            carried.gauge
        };
        *record = Record {
            gauge,
            drawn,
            scraped: Scraped::at(&self.sums_at_send(), self.lasts()),
            ..*record
        };
        self.gauge.store(gauge, Relaxed);
        let known = carried.capacity.map(Load::from_micros);
        self.set_ceiling(self.capacity().or(known));
        if carried.is_sampled && !self.is_sampled() {
            self.samples.store(1, SeqCst);
        }
        self.mirror();
        self.publish_weight();
    }

    fn restore_sessions(
        &self,
        carried: &CarriedLedger,
        by: Carrier,
        is_own_newer: bool,
        record: &mut Record,
    ) -> Drawn {
        let under_way = if by.is_alive { carried.under_way } else { 0 };
        let unseen = carried.most.saturating_sub(carried.certain).max(under_way);
        let assigned = self.assigned.fetch_add(unseen, AcqRel);
        // After `assigned`, as for each booking.
        self.settled.fetch_add(unseen - under_way, Release);
        record.inherited.under_way += under_way;
        record.inherited.unshown = unseen - under_way;
        record.inherited.foreign = carried.answers.min(carried.estimate);
        let (estimate, most) = (self.estimate_from(assigned), self.most_from(assigned));
        let own_value = self.value.load(Relaxed);
        let (value, found, most) = if is_own_newer {
            let value = self.believed(record.gauge);
            let beyond = |load: i64| load.saturating_sub(own_value).max(0);
            let found = carried.estimate.clamp(value, value.saturating_add(unseen));
            let most = value.saturating_add(unseen).saturating_add(beyond(most));
            (value, found.saturating_add(beyond(estimate)), most)
        } else {
            // What this process has booked itself may be missing in the other one's sample.
            let own = most.saturating_sub(own_value).max(0);
            let found = carried.estimate.saturating_add(own);
            (carried.value, found, carried.most.saturating_add(own))
        };
        let drawn = Drawn {
            lasts: Lasts::Session,
            expected: found,
            found,
            most,
            value,
            own: Bounds::default(),
            answers: Bounds::default(),
        };
        self.conclude(&drawn, assigned.wrapping_add(unseen));
        // The next restore, and an extrapolated value, must not forget what the gauge was taken to show.
        Drawn {
            value: if is_own_newer { value } else { carried.certain },
            ..drawn
        }
    }

    fn restore_answers(&self, carried: &CarriedLedger, record: &mut Record) -> Drawn {
        let assigned = self.assigned.load(Acquire);
        let own = self.sums_at_arrival(assigned).all.under_way();
        let foreign = carried.estimate;
        record.inherited.foreign = carried.answers.min(foreign);
        let found = foreign.saturating_add(own);
        let most = carried.most.max(foreign);
        let drawn = Drawn {
            lasts: Lasts::Answer,
            expected: found,
            found,
            most: most.saturating_add(own),
            value: foreign,
            own: Bounds::default(),
            answers: Bounds::default(),
        };
        self.conclude(&drawn, assigned);
        drawn
    }

    /// No request of the process that this ledger was restored from is under way any more: the next scrape that is sent
    /// shows what they have booked.
    #[doc(hidden)]
    pub fn predecessor_ended(&self) {
        let mut record = self.record();
        let inherited = std::mem::take(&mut record.inherited);
        if inherited.under_way > 0 {
            match self.lasts() {
                Lasts::Session => {
                    self.settled.fetch_add(inherited.under_way, Release);
                }
                Lasts::Answer => {
                    self.assigned.fetch_sub(inherited.under_way, AcqRel);
                    self.answered.fetch_add(inherited.under_way, Release);
                }
            }
        }
        record.inherited.unshown = inherited.unshown.saturating_add(inherited.under_way);
        if inherited.foreign > 0 {
            let less = |load: i64| load.saturating_sub(inherited.foreign).max(0);
            let assigned = self.assigned.load(Acquire);
            let drawn = Drawn {
                found: less(self.estimate_from(assigned)),
                most: less(self.most_from(assigned)),
                value: less(record.drawn.value),
                ..record.drawn
            };
            record.drawn = drawn;
            self.conclude(&drawn, assigned);
            self.set_ceiling(self.capacity());
        }
        self.mirror();
        self.loosen();
    }

    /// The most that the load can be, for this `assigned`.
    pub(super) fn most_from(&self, assigned: i64) -> i64 {
        self.unassigned_most.load(Relaxed).wrapping_add(assigned)
    }
}

impl CarriedLedger {
    /// The same with nothing in it that no ledger can hold.
    fn sound(&self) -> Self {
        let load = |micros: i64| micros.clamp(0, MOST);
        let gauge = |micros: i64| micros.clamp(0, Load::LARGEST.micros());
        let certain = load(self.certain);
        let estimate = load(self.estimate);
        Self {
            gauge: gauge(self.gauge),
            certain,
            value: load(self.value),
            estimate,
            most: self.most.max(certain),
            under_way: load(self.under_way),
            answers: load(self.answers),
            capacity: self.capacity.map(gauge),
            beside_own: gauge(self.beside_own),
            own_ends: self.own_ends.clone(),
            ..*self
        }
    }

    /// The requests of a process that is gone are gone with it, and so is load that ends with them.
    fn without_what_is_gone(self, is_alive: bool) -> Self {
        if is_alive {
            return self;
        }
        let less = |load: i64| (load - self.answers).max(0);
        let certain = less(self.certain);
        Self {
            certain,
            value: less(self.value),
            estimate: less(self.estimate),
            most: (self.most - self.answers).max(certain),
            answers: 0,
            ..self
        }
    }
}
