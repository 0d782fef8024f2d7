//! What is in force, as the live page and `switchyard top` show it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::reload::Reload;

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
