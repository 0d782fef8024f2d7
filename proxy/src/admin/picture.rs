//! The picture that the live page and `switchyard top` show: the whole proxy at one moment, judged.
//!
//! One struct, written here and read by both, so that they can't tell two stories. What takes judgement (is it well?
//! who is the fullest?) is done here and not by those who look: it is said once, and tested.
//!
//! A picture is whole; nothing in it refers to an earlier one. So a viewer may come at any time, miss some, or come
//! back, and substations may come and go: they are told apart by their names.

mod balance;
mod take;
mod traffic;
mod verdict;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use super::decisions::{Candidate, Decision};
pub use balance::{Balance, Fullest, Oldest};
pub use traffic::{Meter, Traffic};
pub use verdict::{Finding, Level, Verdict};

pub use crate::config::Reload;

/// Everything at one moment. Loads are in the unit of the load gauge.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Picture {
    /// When it was taken, in seconds since the Unix epoch.
    pub unix_seconds: f64,
    /// Whether all is well, in words.
    pub verdict: Verdict,
    /// What clients see.
    pub traffic: Traffic,
    /// How even the load is.
    pub balance: Balance,
    /// The substations, in the order of the configuration.
    pub substations: Vec<Substation>,
    /// The last choices, the newest first.
    pub decisions: Vec<Decision>,
    /// What is in force.
    pub configuration: Configuration,
}

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
    pub load: Option<f64>,
    /// The most it can bear, where that is known.
    pub capacity: Option<f64>,
    /// What the load is believed to be now.
    pub estimate: f64,
    /// The part of the estimate that the sample can't know.
    pub unseen: f64,
    /// How old the sample is.
    pub age_seconds: Option<f64>,
    /// Reservations that wait for their answer.
    pub in_flight: u64,
    /// All that it was ever chosen for.
    pub assigned: u64,
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
            .map(|capacity| self.estimate / capacity)
    }
}

/// What is in force, and what became of the last attempt to change it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Configuration {
    /// Counts the configurations that were in force, from 1.
    pub version: u64,
    /// When this one was read, in seconds since the Unix epoch.
    pub since_unix_seconds: f64,
    /// The policy's name.
    pub policy: Cow<'static, str>,
    /// What loads are counted in; empty where the configuration does not tell.
    pub unit: Cow<'static, str>,
    /// How often gauges are read.
    pub interval_seconds: f64,
    /// From which age a sample is stale.
    pub stale_after_seconds: f64,
    /// The last reload, if there was one.
    pub last_reload: Option<Reload>,
    /// The version of the program.
    pub program: Cow<'static, str>,
}
