//! One limit: its order, and how far it has come.

use std::{fmt, sync::Arc, time::Duration};

use switchyard_balance::Load;

use crate::{
    order::{Failsafe, Order},
    strictest::InForce,
    timestamp::{Now, Timestamp},
};

/// How far a limit has come. One that is over is not kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Its `from` has not come yet.
    Waiting,
    /// Its value is in force.
    InForce,
    /// Its source was silent for too long: the fallback is in force until the source gives a new order.
    Fallback,
}

impl Stage {
    /// Its name in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InForce => "in_force",
            Self::Fallback => "fallback",
        }
    }
}

/// What one source has ordered for one name.
#[derive(Clone, Debug)]
pub struct Limit {
    pub(crate) order: Order,
    pub(crate) stage: Stage,
    /// The uptime at which its source has been silent for too long, counted from when it was heard last. Zero, and of no
    /// meaning, where silence means nothing.
    pub(crate) silent_at: Duration,
}

/// What time has done to a limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Passed {
    From,
    Until,
    Heartbeat,
}

impl Limit {
    /// A limit that is ordered now.
    pub(crate) fn new(order: Order, now: Now) -> Self {
        let is_later = order.from.is_some_and(|from| from > now.wall);
        let mut limit = Self {
            order,
            stage: if is_later {
                Stage::Waiting
            } else {
                Stage::InForce
            },
            silent_at: Duration::ZERO,
        };
        limit.hear(now);
        limit
    }

    /// Its source is heard now.
    pub(crate) fn hear(&mut self, now: Now) {
        if let Some(failsafe) = self.order.failsafe {
            self.silent_at = now.uptime.saturating_add(failsafe.heartbeat);
        }
    }

    /// Lets it come as far as it is by now. If several things have come since the last time, the last that counts is
    /// returned. After [`Passed::Until`] it is to be forgotten.
    pub(crate) fn advance(&mut self, now: Now) -> Option<Passed> {
        if self.order.until.is_some_and(|until| until <= now.wall) {
            return Some(Passed::Until);
        }
        if self.stage != Stage::Fallback && self.is_silent(now) {
            self.stage = Stage::Fallback;
            return Some(Passed::Heartbeat);
        }
        if self.stage == Stage::Waiting && self.order.from.is_none_or(|from| from <= now.wall) {
            self.stage = Stage::InForce;
            return Some(Passed::From);
        }
        None
    }

    /// Whether its source has been silent for too long.
    pub(crate) fn is_silent(&self, now: Now) -> bool {
        self.order.failsafe.is_some() && self.silent_at <= now.uptime
    }

    /// The next time of the wall clock that changes it.
    pub(crate) fn due_by_wall(&self) -> Option<Timestamp> {
        let from = self.order.from.filter(|_| self.stage == Stage::Waiting);
        // An order ends after it begins.
        from.or(self.order.until)
    }

    /// The uptime at which silence changes it.
    pub(crate) fn due_by_uptime(&self) -> Option<Duration> {
        let may_fall = self.order.failsafe.is_some() && self.stage != Stage::Fallback;
        may_fall.then_some(self.silent_at)
    }

    /// Since when nothing was heard of its source, where that matters.
    #[must_use]
    pub fn heartbeat_age(&self, now: Now) -> Option<Duration> {
        let failsafe = self.order.failsafe?;
        let heard_and_now = now.uptime.saturating_add(failsafe.heartbeat);
        Some(heard_and_now.saturating_sub(self.silent_at))
    }

    /// What is ordered.
    #[must_use]
    pub const fn order(&self) -> &Order {
        &self.order
    }

    /// How far it has come.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// The load that it allows now; nothing while it waits.
    #[must_use]
    pub fn load(&self) -> Option<Load> {
        match (self.stage, self.order.failsafe) {
            (Stage::Waiting, _) => None,
            (Stage::Fallback, Some(Failsafe { fallback, .. })) => Some(fallback),
            (Stage::InForce | Stage::Fallback, _) => Some(self.order.value),
        }
    }

    /// The same, as it is shown.
    #[must_use]
    pub fn in_force(&self) -> Option<InForce> {
        Some(InForce {
            value: self.load()?,
            source: Arc::clone(&self.order.source),
            until: self.order.until,
            is_fallback: self.stage == Stage::Fallback,
        })
    }

    /// Whether there is any difference to `other` but when the source was heard.
    pub(crate) fn differs_from(&self, other: &Self) -> bool {
        self.stage != other.stage || self.order != other.order
    }
}

/// For the log: `200 until 2026-12-01T18:00:00Z, else 100 after 1m of silence (waiting)`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Order {
            value,
            from,
            until,
            failsafe,
            ..
        } = &self.order;
        write!(f, "{value}")?;
        if let Some(from) = from {
            write!(f, " from {from}")?;
        }
        if let Some(until) = until {
            write!(f, " until {until}")?;
        }
        if let Some(Failsafe {
            fallback,
            heartbeat,
        }) = failsafe
        {
            let heartbeat = humantime::format_duration(*heartbeat);
            write!(f, ", else {fallback} after {heartbeat} of silence")?;
        }
        f.write_str(match self.stage {
            Stage::Waiting => " (waiting)",
            Stage::InForce => "",
            Stage::Fallback => " (fallback)",
        })
    }
}
