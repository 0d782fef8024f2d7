//! The outcome of a reload, as the admin port reports it.

use serde::{Deserialize, Serialize};

/// The outcome of a reload.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Reload {
    /// The version in force after it.
    pub version: u64,
    /// When, in seconds since the Unix epoch.
    pub unix_seconds: f64,
    /// Whether the new configuration is in force.
    pub success: bool,
    /// The faults of the new configuration, one line each.
    pub faults: Vec<String>,
    /// What it changed, one line each.
    pub changes: Vec<String>,
    /// What changes only at a restart, one line each.
    pub needs_restart: Vec<String>,
}
