//! What is told of a configuration that was read again.

use serde::{Deserialize, Serialize};

/// What became of a reload.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Reload {
    /// The version in force after it.
    pub version: u64,
    /// When, in seconds since the Unix epoch.
    pub unix_seconds: f64,
    /// Whether what was read is in force.
    pub success: bool,
    /// What was wrong with it, a line each.
    pub faults: Vec<String>,
    /// What it changed, a line each.
    pub changes: Vec<String>,
    /// What it would have changed, but for a restart; a line each.
    pub needs_restart: Vec<String>,
}
