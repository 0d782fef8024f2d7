//! Outlier detection: whether a substation can charge, judged by how its exchanges end.
//!
//! A substation that fails fast has an idle gauge, so it would attract every request. After some
//! failures in a row, or if too many exchanges in a window fail, it is ejected, for a time that
//! doubles with each ejection. Then *one* request is its trial. If that goes well, the substation
//! is back in rotation, with slow start; if not, it is ejected again, for longer. A substation that
//! was only unreachable comes back with the first scrape that reaches it, without a trial.
//!
//! What a request brought about wherever it went is not held against the substation: see [`super::blame`].
//!
//! This is pure code on counters and moments: no clock, no lock, no I/O. [`super::rotation_state`]
//! keeps it under a lock that a healthy substation does not take.

use std::time::Duration;

use switchyard_config as config;

use crate::{
    blame::{Blame, BySource, Elsewhere, Excuse, Source},
    clock::Moment,
};

mod carry;

pub use carry::{CarriedDetector, CarriedStage};

/// The part of its share that a readmitted substation starts with.
const FIRST_SHARE: f64 = 0.1;

/// What is known of a failure.
pub struct Evidence<'a> {
    /// Of its request.
    pub blame: Blame,
    /// Of the other substations.
    pub elsewhere: Elsewhere,
    /// Whether the failures of this client alone are enough.
    pub believes: &'a dyn Fn(Source) -> bool,
}

/// How far the substation is on the way out of rotation and back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// In rotation.
    #[default]
    In,
    /// Out of rotation until that moment.
    Ejected(Moment),
    /// The next request is its trial.
    Trial,
    /// The trial's request is under way.
    Tried,
}

/// Why a substation was ejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EjectionCause {
    /// Too many failures in a row.
    InARow,
    /// Too small a share of its exchanges succeeded.
    Rate,
    /// Its trial failed.
    Trial,
}

/// A change of the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthChange {
    /// Out of rotation, for that long.
    Ejected(EjectionCause, Duration),
    /// The ejection is over: the next request is the trial.
    Trial,
    /// Back in rotation.
    Readmitted,
}

/// The outlier detection of one substation.
#[derive(Debug, Default)]
pub struct OutlierDetector {
    stage: Stage,
    failures: u32,
    /// Those failures by client.
    run: BySource,
    /// The last failure was that it was unreachable.
    unreachable: bool,
    /// When the last connection that was not accepted in time, and that counted, was given up.
    silent_at: Option<Moment>,
    ejections: u32,
    back_since: Option<Moment>,
    window: Window,
}

/// Exchanges and failures in a sliding window of two periods.
#[derive(Debug, Default)]
struct Window {
    older: Period,
    newer: Period,
}

#[derive(Clone, Copy, Debug, Default)]
struct Period {
    began: Option<Moment>,
    /// The exchanges ever, when it began.
    exchanges: u64,
    failures: BySource,
    /// Failures that are held against no substation.
    excused: u64,
}

impl Window {
    /// Begins a period if it is time for one; `exchanges` is the total ever, with the one that has just failed.
    fn move_on(&mut self, now: Moment, exchanges: u64, window: Duration) {
        let age = |period: &Period| period.began.map_or(Duration::MAX, |at| now.since(at));
        if age(&self.newer) < window / 2 {
            return;
        }
        let period = Period {
            began: Some(now),
            exchanges: exchanges.saturating_sub(1),
            ..Period::default()
        };
        // After a long quiet time, older exchanges no longer count.
        self.older = if age(&self.newer) < window {
            self.newer
        } else {
            period
        };
        self.newer = period;
    }

    /// The exchanges in the window without those that are excused, and the failures among them by client.
    fn totals(&self, exchanges: u64) -> (u64, BySource) {
        let all = exchanges.saturating_sub(self.older.exchanges);
        let excused = self.older.excused + self.newer.excused;
        let failures = self.older.failures.with(&self.newer.failures);
        (all.saturating_sub(excused), failures)
    }
}

impl OutlierDetector {
    /// Records a good exchange.
    pub fn good(&mut self, now: Moment) -> Option<HealthChange> {
        self.failures = 0;
        self.run = BySource::default();
        matches!(self.stage, Stage::Trial | Stage::Tried).then(|| self.return_to_rotation(now))
    }

    /// Records that it could not be reached. No request is lost by that and none can bring it about, so it counts
    /// only towards failures in a row, and always.
    pub fn unreachable(&mut self, now: Moment, rules: &config::Health) -> Option<HealthChange> {
        self.failures += 1;
        self.run.add_of_nobody();
        self.unreachable = true;
        let cause = match self.stage {
            Stage::Trial | Stage::Tried => EjectionCause::Trial,
            Stage::In if self.failures >= rules.failures => EjectionCause::InARow,
            Stage::In | Stage::Ejected(_) => return None,
        };
        Some(self.eject(cause, now, rules))
    }

    /// Records that a connection was not accepted within `waited`, which ended `now`. A full queue of connections looks
    /// like that too, while the substation answers over the connections that it has. So attempts that overlap count
    /// once: a good exchange meanwhile then shows that it lives. `may_eject` as of [`OutlierDetector::failed`], because
    /// a rush fills the queues of all substations at once.
    pub fn silent(
        &mut self,
        now: Moment,
        waited: Duration,
        rules: &config::Health,
        may_eject: impl FnOnce() -> bool,
    ) -> Option<HealthChange> {
        let overlaps = |last: Moment| now.since(last) < waited;
        let is_trial = matches!(self.stage, Stage::Trial | Stage::Tried);
        if self.silent_at.is_some_and(overlaps) && !is_trial {
            return None;
        }
        self.silent_at = Some(now);
        let is_last = self.failures + 1 >= rules.failures;
        if self.stage == Stage::In && is_last && !may_eject() {
            return None;
        }
        self.unreachable(now, rules)
    }

    /// Records a failure. `exchanges` is how many have ended so far. `may_eject` is called before an ejection, and
    /// tells whether one more is allowed. An error says why the failure is not held against the substation.
    pub fn failed(
        &mut self,
        evidence: &Evidence<'_>,
        now: Moment,
        exchanges: u64,
        rules: &config::Health,
        may_eject: impl FnOnce() -> bool,
    ) -> Result<Option<HealthChange>, Excuse> {
        let Evidence {
            blame, elsewhere, ..
        } = evidence;
        self.window.move_on(now, exchanges, rules.window);
        if blame.is_repeat {
            self.window.newer.excused += 1;
            return Err(Excuse::Repeat);
        }
        self.window.newer.failures.add(blame.source);
        self.failures += 1;
        self.run.add(blame.source);
        self.unreachable = false;
        match self.stage {
            Stage::Ejected(_) => return Ok(None),
            // It stays out, for no longer than after a first failure: that costs one request a time if it is ill.
            Stage::Trial | Stage::Tried if elsewhere.doubts_trial() => {
                self.stage = Stage::Ejected(now.plus(rules.ejection));
                return Err(Excuse::Elsewhere);
            }
            // A substation on trial still counts as ejected.
            Stage::Trial | Stage::Tried => {
                return Ok(Some(self.eject(EjectionCause::Trial, now, rules)));
            }
            Stage::In => {}
        }
        let (all, failures) = self.window.totals(exchanges);
        let run_of = |count: u64, elsewhere: Elsewhere| {
            count >= rules.failures.into() && elsewhere.convicts_run(count)
        };
        let share_of = |failed: u64, elsewhere: Elsewhere| {
            let good = all.saturating_sub(failures.total());
            let all = good + failed;
            all >= rules.requests && elsewhere.convicts_share(all, good, rules.success_rate)
        };
        let alone = Elsewhere::default();
        let (run, failed) = (self.run.total(), failures.total());
        if !run_of(run, alone) && !share_of(failed, alone) {
            return Ok(None);
        }
        if !run_of(run, *elsewhere) && !share_of(failed, *elsewhere) {
            return Err(Excuse::Elsewhere);
        }
        let held = |failures: &BySource| {
            if (evidence.believes)(failures.heaviest()) {
                failures.total()
            } else {
                failures.of_several()
            }
        };
        let cause = if run_of(held(&self.run), *elsewhere) {
            EjectionCause::InARow
        } else if share_of(held(&failures), *elsewhere) {
            EjectionCause::Rate
        } else {
            return Err(Excuse::Client);
        };
        Ok(may_eject().then(|| self.eject(cause, now, rules)))
    }

    fn eject(&mut self, cause: EjectionCause, now: Moment, rules: &config::Health) -> HealthChange {
        let served = self
            .back_since
            .map_or(Duration::MAX, |since| now.since(since));
        if cause != EjectionCause::Trial && served >= rules.longest_ejection {
            self.ejections = 0;
        }
        let lasts = rules
            .ejection
            .saturating_mul(2_u32.saturating_pow(self.ejections))
            .min(rules.longest_ejection);
        self.ejections += 1;
        self.stage = Stage::Ejected(now.plus(lasts));
        self.window = Window::default();
        HealthChange::Ejected(cause, lasts)
    }

    /// Ends an ejection whose time is over, or that of an unreachable substation which a scrape has
    /// just `reached`. Called after every scrape.
    pub fn tick(&mut self, now: Moment, reached: bool) -> Option<HealthChange> {
        let Stage::Ejected(until) = self.stage else {
            return None;
        };
        if reached && self.unreachable {
            return Some(self.return_to_rotation(now));
        }
        if now < until || self.unreachable {
            return None;
        }
        self.stage = Stage::Trial;
        Some(HealthChange::Trial)
    }

    /// Makes a request the trial, and tells whether it may be: only one at a time may.
    pub fn start_trial(&mut self) -> bool {
        let is_first = self.stage == Stage::Trial;
        if is_first {
            self.stage = Stage::Tried;
        }
        is_first
    }

    /// The trial's request ended without a verdict, so the next request is the trial.
    pub fn abandon_trial(&mut self) {
        if self.stage == Stage::Tried {
            self.stage = Stage::Trial;
        }
    }

    /// Readmits an ejected substation after a good exchange in panic mode.
    pub fn readmit(&mut self, now: Moment) -> Option<HealthChange> {
        matches!(self.stage, Stage::Ejected(_)).then(|| self.return_to_rotation(now))
    }

    fn return_to_rotation(&mut self, now: Moment) -> HealthChange {
        self.stage = Stage::In;
        self.failures = 0;
        self.run = BySource::default();
        self.back_since = Some(now);
        HealthChange::Readmitted
    }

    /// The part of its share that it gets, from 0 to 1: less than 1 only during slow start.
    #[must_use]
    pub fn share(&self, now: Moment, slow_start: Duration) -> f64 {
        self.back_since.map_or(1.0, |since| {
            let grown = now.since(since).as_secs_f64() / slow_start.as_secs_f64();
            (FIRST_SHARE + (1.0 - FIRST_SHARE) * grown).min(1.0)
        })
    }

    /// The stage.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Failures since the last good exchange.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Ejections that count for how long the next one lasts. They are forgotten after
    /// `health.longest_ejection` without one.
    #[must_use]
    pub fn ejections(&self) -> u32 {
        self.ejections
    }

    /// Whether it is out of rotation because it is unreachable, so that a trial would fail.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        self.stage != Stage::In && self.unreachable
    }

    /// Whether a good exchange would change nothing.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failures == 0 && self.stage == Stage::In
    }
}

#[cfg(test)]
mod tests;
