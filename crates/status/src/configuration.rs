//! The configuration in force, as the live page and `switchyard top` show it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::reload::Reload;

/// The configuration in force, and the outcome of the last reload.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Configuration {
    /// Its number, from 1.
    pub version: u64,
    /// When it came into force, in seconds since the Unix epoch.
    pub since_unix_seconds: f64,
    /// The policy's name.
    pub policy: Cow<'static, str>,
    /// The unit of loads; empty where the configuration does not tell it.
    pub unit: Cow<'static, str>,
    /// The scrape interval, in seconds.
    pub interval_seconds: f64,
    /// The age from which on a sample is stale, in seconds.
    pub stale_after_seconds: f64,
    /// The last reload, if there was one.
    pub last_reload: Option<Reload>,
    /// The version of the program.
    pub program: Cow<'static, str>,
}
