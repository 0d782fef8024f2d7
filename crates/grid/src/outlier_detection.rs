//! Whether a substation can charge, judged by how its exchanges end.
//!
//! A substation that fails fast looks idle to its gauge, and would draw every request. So after a few
//! failures in a row, or if too many of its exchanges fail over a while, it is ejected, for a while that
//! doubles each time. When that is over *one* request is its trial: if it goes well, the substation is back
//! and comes into its share slowly; if not, it is ejected again, for longer. One that only could not be
//! reached comes back as soon as a scrape reaches it, and needs no trial.
//!
//! All of it is counters and moments passed in: no clock, no lock, no I/O. [`super::rotation_state`] keeps it
//! under a lock that nobody takes while all is well.

use std::time::Duration;

use switchyard_config as config;

use crate::clock::Moment;

/// What a substation that is back begins with, as a part of its share.
const FIRST_SHARE: f64 = 0.1;

/// How an exchange spoke of the substation's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeVerdict {
    /// It answered as it should, refusals included.
    Good,
    /// It could not be reached.
    Unreachable,
    /// It was reached, and broke off, hung or failed.
    Bad,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// In rotation.
    #[default]
    In,
    /// Out until then.
    Ejected(Moment),
    /// Waits for the one request that is its trial.
    Trial,
    /// That request is under way.
    Tried,
}

/// Why it was ejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EjectionCause {
    /// So many failures in a row.
    InARow,
    /// Too small a share of its exchanges went well.
    Rate,
    /// Its trial failed.
    Trial,
}

/// What has just become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthChange {
    /// Out of rotation.
    Ejected(EjectionCause, Duration),
    /// Its time is over: the next request is its trial.
    Trial,
    /// Back in rotation.
    Back,
}

/// The running judgement of one substation.
#[derive(Debug, Default)]
pub struct OutlierDetector {
    stage: Stage,
    failures: u32,
    /// The last failure was that it could not be reached.
    unreachable: bool,
    ejections: u32,
    back_since: Option<Moment>,
    window: Window,
}

/// Exchanges and failures since a while ago: two marks, moved on as time passes.
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
    /// One more failure, of so many exchanges ever. Returns the exchanges and the failures in the window.
    fn failure(&mut self, now: Moment, exchanges: u64, window: Duration) -> (u64, u64) {
        let age = |mark: Mark| mark.at.map_or(Duration::MAX, |at| now.since(at));
        if age(self.newer) >= window / 2 {
            let mark = Mark {
                at: Some(now),
                exchanges: exchanges.saturating_sub(1),
                failed: self.failed,
            };
            // After a long quiet time what lies before it no longer counts.
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
    /// Takes a verdict. `exchanges` is how many have ended so far; `may_eject` is asked before an ejection
    /// for failing, and answers whether there may be one more.
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
            return matches!(self.stage, Stage::Trial | Stage::Tried).then(|| self.back(now));
        }
        self.failures += 1;
        self.unreachable = verdict == ExchangeVerdict::Unreachable;
        // Whoever can't be reached costs nobody an answer: that counts in a row only.
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
        // Who is on trial is counted as out already.
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

    /// To be called now and then: ends an ejection whose time is over, or that of a substation that only
    /// could not be reached and has just been.
    pub fn tick(&mut self, now: Moment, reached: bool) -> Option<HealthChange> {
        let Stage::Ejected(until) = self.stage else {
            return None;
        };
        if reached && self.unreachable {
            return Some(self.back(now));
        }
        if now < until || self.unreachable {
            return None;
        }
        self.stage = Stage::Trial;
        Some(HealthChange::Trial)
    }

    /// A request asks to be the trial. Only one may at a time.
    pub fn start_trial(&mut self) -> bool {
        let is_first = self.stage == Stage::Trial;
        if is_first {
            self.stage = Stage::Tried;
        }
        is_first
    }

    /// The trial's request ended without a verdict: the next one is the trial.
    pub fn abandon_trial(&mut self) {
        if self.stage == Stage::Tried {
            self.stage = Stage::Trial;
        }
    }

    /// It has just been seen to work while too many were out to leave it out.
    pub fn readmit(&mut self, now: Moment) -> Option<HealthChange> {
        matches!(self.stage, Stage::Ejected(_)).then(|| self.back(now))
    }

    fn back(&mut self, now: Moment) -> HealthChange {
        self.stage = Stage::In;
        self.failures = 0;
        self.back_since = Some(now);
        HealthChange::Back
    }

    /// The part of its share that it may have.
    #[must_use]
    pub fn share(&self, now: Moment, slow_start: Duration) -> f64 {
        self.back_since.map_or(1.0, |since| {
            let grown = now.since(since).as_secs_f64() / slow_start.as_secs_f64();
            (FIRST_SHARE + (1.0 - FIRST_SHARE) * grown).min(1.0)
        })
    }

    /// Where it stands.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Failures since the last exchange that went well.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Ejections, each longer than the one before; they are forgotten after a long while without.
    #[must_use]
    pub fn ejections(&self) -> u32 {
        self.ejections
    }

    /// Whether it is out because it can't be reached, so that to try it would be in vain.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        self.stage != Stage::In && self.unreachable
    }

    /// Whether there is nothing that a good answer would change.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failures == 0 && self.stage == Stage::In
    }
}

#[cfg(test)]
mod tests;
