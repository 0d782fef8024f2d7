//! One substation, as the live page and `switchyard top` show it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One substation.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Substation {
    /// Unique in the picture.
    pub name: String,
    /// Where it listens.
    pub address: String,
    /// One of the states of `/status`.
    pub state: Cow<'static, str>,
    /// Whether requests are sent to it.
    pub in_rotation: bool,
    /// As last sampled.
    #[serde(rename = "load")]
    pub current_load: Option<f64>,
    /// The most it can bear, where that is known.
    pub capacity: Option<f64>,
    /// What the load is believed to be now.
    #[serde(rename = "estimate")]
    pub estimated_load: f64,
    /// The part of the estimate that the sample can't know.
    #[serde(rename = "unseen")]
    pub unseen_load: f64,
    /// How old the sample is.
    #[serde(rename = "age_seconds")]
    pub sample_age_seconds: Option<f64>,
    /// Reservations that wait for their answer.
    pub in_flight: u64,
    /// All that it was ever chosen for.
    #[serde(rename = "assigned")]
    pub assigned_total: u64,
    /// What else is to be known of it, such as when an ejection ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Substation {
    /// The estimate by the capacity, where that is known.
    #[must_use]
    pub fn utilisation(&self) -> Option<f64> {
        self.capacity
            .filter(|capacity| *capacity > 0.0)
            .map(|capacity| self.estimated_load / capacity)
    }
}
