//! One substation, as the live page and `switchyard top` show it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    drain::Drain,
    limit::{Limit, bound, is_full, utilisation},
};

/// One substation, in a [snapshot](crate::StatusSnapshot). Loads are in the unit of the load gauge.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Substation {
    /// Unique in the snapshot.
    pub name: String,
    /// The address that it listens on.
    pub address: String,
    /// One of the states of `/status`.
    pub state: Cow<'static, str>,
    /// Whether requests are sent to it.
    pub in_rotation: bool,
    /// As last sampled.
    #[serde(rename = "load")]
    pub current_load: Option<f64>,
    /// Its capacity, if known.
    pub capacity: Option<f64>,
    /// The estimate of its load now.
    #[serde(rename = "estimate")]
    pub estimated_load: f64,
    /// The part of the estimate that the sample can't include.
    #[serde(rename = "unseen")]
    pub unseen_load: f64,
    /// How old the sample is.
    #[serde(rename = "age_seconds")]
    pub sample_age_seconds: Option<f64>,
    /// Requests that wait for its answer.
    pub in_flight: u64,
    /// Requests that were ever assigned to it: a count, not a load.
    #[serde(rename = "assigned")]
    pub assigned_total: u64,
    /// Whether its load gauge is not believed, because it does not show what was booked.
    #[serde(default)]
    pub distrusted: bool,
    /// Why it gets no new sessions; none unless it drains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Drain>,
    /// The feeder that it hangs on; none where no feeders are configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feeder: Option<String>,
    /// The level of its path that binds: its own name or that of a feeder above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
    /// The strictest limit in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// What else a person should know, such as when an ejection ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Substation {
    /// The most load that it may bear: the least of its capacity and the limit in force.
    #[must_use]
    pub fn bound(&self) -> Option<f64> {
        bound(self.capacity, self.limit.as_ref())
    }

    /// The estimate divided by the bound, if there is one.
    #[must_use]
    pub fn utilisation(&self) -> Option<f64> {
        utilisation(self.estimated_load, self.bound())
    }

    /// Whether it has no room left. A gauge that shows a capacity of zero says that it is closed, and not that it is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.capacity.is_none_or(|capacity| capacity > 0.0)
            && is_full(self.estimated_load, self.bound())
    }

    /// Whether it is unreachable or was ejected for failing: what a person looks for first.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        matches!(self.state.as_ref(), "down" | "ejected")
    }
}
