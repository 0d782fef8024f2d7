//! Outlier detection: whether a substation can charge, judged by how its exchanges end.
//!
//! A substation that fails fast has an idle gauge, so it would attract every request. After some
//! failures in a row, or if too many exchanges in a window fail, it is ejected, for a time that
//! doubles with each ejection. Then *one* request is its trial. If that goes well, the substation
//! is back in rotation, with slow start; if not, it is ejected again, for longer. A substation that
//! was only unreachable comes back with the first scrape that reaches it, without a trial.
//!
//! This is pure code on counters and moments: no clock, no lock, no I/O. [`super::rotation_state`]
//! keeps it under a lock that a healthy substation does not take.

use std::time::Duration;

use switchyard_config as config;

use crate::clock::Moment;

/// The part of its share that a readmitted substation starts with.
const FIRST_SHARE: f64 = 0.1;

/// What an exchange shows about the substation's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeVerdict {
    /// It answered as it should, refusals included.
    Good,
    /// It could not be reached.
    Unreachable,
    /// It was reached, and broke the connection, hung or failed.
    Bad,
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
    /// The last failure was that it was unreachable.
    unreachable: bool,
    ejections: u32,
    back_since: Option<Moment>,
    window: Window,
}

/// Exchanges and failures in a sliding window, as differences to two marks that move on with time.
#[derive(Debug, Default)]
struct Window {
    older: Mark,
    newer: Mark,
    failed: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    at: Option<Moment>,
    exchanges: u64,
    failed: u64,
}

impl Window {
    /// Counts a failure; `exchanges` is the total ever. Returns the exchanges and the failures in
    /// the window.
    fn failure(&mut self, now: Moment, exchanges: u64, window: Duration) -> (u64, u64) {
        let age = |mark: Mark| mark.at.map_or(Duration::MAX, |at| now.since(at));
        if age(self.newer) >= window / 2 {
            let mark = Mark {
                at: Some(now),
                exchanges: exchanges.saturating_sub(1),
                failed: self.failed,
            };
            // After a long quiet time, older exchanges no longer count.
            self.older = if age(self.newer) < window {
                self.newer
            } else {
                mark
            };
            self.newer = mark;
        }
        self.failed += 1;
        (
            exchanges.saturating_sub(self.older.exchanges),
            self.failed - self.older.failed,
        )
    }
}

impl OutlierDetector {
    /// Records a verdict. `exchanges` is how many have ended so far. `may_eject` is called before
    /// an ejection for failing, and tells whether one more is allowed.
    pub fn report(
        &mut self,
        verdict: ExchangeVerdict,
        now: Moment,
        exchanges: u64,
        rules: &config::Health,
        may_eject: impl FnOnce() -> bool,
    ) -> Option<HealthChange> {
        if verdict == ExchangeVerdict::Good {
            self.failures = 0;
            return matches!(self.stage, Stage::Trial | Stage::Tried)
                .then(|| self.return_to_rotation(now));
        }
        self.failures += 1;
        self.unreachable = verdict == ExchangeVerdict::Unreachable;
        // An unreachable substation loses no request, so this counts only towards failures in a
        // row.
        let (of, failed) = match verdict {
            ExchangeVerdict::Bad => self.window.failure(now, exchanges, rules.window),
            _ => (0, 0),
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "a window has far fewer than 2^53"
        )]
        let is_below =
            of >= rules.requests && ((of - failed.min(of)) as f64) < rules.success_rate * of as f64;
        let cause = match self.stage {
            Stage::Trial | Stage::Tried => EjectionCause::Trial,
            Stage::In if self.failures >= rules.failures => EjectionCause::InARow,
            Stage::In if is_below => EjectionCause::Rate,
            Stage::In | Stage::Ejected(_) => return None,
        };
        // A substation on trial still counts as ejected.
        if cause != EjectionCause::Trial && !self.unreachable && !may_eject() {
            return None;
        }
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
        Some(HealthChange::Ejected(cause, lasts))
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
