//! What a process leaves to the next one of its limits: plain data.
//!
//! Times of the wall clock are written as they were ordered, and silence as the age of the last heartbeat.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use switchyard_balance::Load;

use crate::{
    limit::{Limit, Stage},
    order::{Failsafe, Order, read_source},
    table::Limits,
    timestamp::{Now, Timestamp},
};

/// The limits of a process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CarriedLimits {
    /// All of them.
    pub limits: Vec<CarriedLimit>,
}

/// One limit of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CarriedLimit {
    /// The feeder or the substation.
    pub name: String,
    /// Who has ordered it.
    pub source: String,
    /// The most load.
    pub value: f64,
    /// When it begins, as RFC 3339 writes it.
    pub from: Option<String>,
    /// When it ends.
    pub until: Option<String>,
    /// The fallback, and how long the source may be silent.
    pub failsafe: Option<(f64, Duration)>,
    /// How long the source has been silent, where that matters.
    pub heartbeat_age: Duration,
    /// Whether its `from` has come.
    pub has_begun: bool,
    /// Whether its fallback is in force.
    pub is_fallback: bool,
}

/// What has become of limits that another process has left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// How many are known here now.
    pub restored: usize,
    /// The names of those that could not be read.
    pub unreadable: Vec<String>,
}

impl Limits {
    /// All limits, as they are now.
    #[must_use]
    pub fn carry(&self, now: Now) -> CarriedLimits {
        let limits = self.all().map(|(name, limit)| carry(name, limit, now));
        CarriedLimits {
            limits: limits.collect(),
        }
    }

    /// Takes over what another process has left `ago`. What is here already stays. Call [`Limits::advance`] after it:
    /// time went on meanwhile.
    pub fn restore(&mut self, carried: CarriedLimits, ago: Duration, now: Now) -> Restored {
        let mut result = Restored::default();
        for one in carried.limits {
            match read(&one, ago, now) {
                Some(limit) => result.restored += usize::from(self.adopt(&one.name, limit)),
                None => result.unreadable.push(one.name),
            }
        }
        result
    }
}

fn carry(name: &Arc<str>, limit: &Limit, now: Now) -> CarriedLimit {
    let order = limit.order();
    let failsafe = order.failsafe;
    CarriedLimit {
        name: name.to_string(),
        source: order.source.to_string(),
        value: order.value.units(),
        from: order.from.map(|from| from.to_string()),
        until: order.until.map(|until| until.to_string()),
        failsafe: failsafe.map(|failsafe| (failsafe.fallback.units(), failsafe.heartbeat)),
        heartbeat_age: limit.heartbeat_age(now).unwrap_or_default(),
        has_begun: limit.stage != Stage::Waiting,
        is_fallback: limit.stage == Stage::Fallback,
    }
}

/// Nothing if it breaks a rule that the limits of this version keep.
fn read(carried: &CarriedLimit, ago: Duration, now: Now) -> Option<Limit> {
    let time = |text: &Option<String>| match text {
        Some(text) => Timestamp::read(text).ok().map(Some),
        None => Some(None),
    };
    let failsafe = match carried.failsafe {
        Some((fallback, heartbeat)) => Some(Failsafe {
            fallback: Load::new(fallback)?,
            heartbeat,
        }),
        None => None,
    };
    let stage = match (carried.is_fallback && failsafe.is_some(), carried.has_begun) {
        (true, _) => Stage::Fallback,
        (false, true) => Stage::InForce,
        (false, false) => Stage::Waiting,
    };
    let age = carried.heartbeat_age.saturating_add(ago);
    let silent_at = failsafe.map_or(Duration::ZERO, |failsafe| {
        let due = now.uptime.saturating_add(failsafe.heartbeat);
        due.saturating_sub(age)
    });
    Some(Limit {
        order: Order {
            value: Load::new(carried.value)?,
            source: read_source(&carried.source).ok()?,
            from: time(&carried.from)?,
            until: time(&carried.until)?,
            failsafe,
        },
        stage,
        silent_at,
    })
}
