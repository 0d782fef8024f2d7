//! Why a substation gets no new sessions.

use serde::{Deserialize, Serialize};

/// Why a substation drains.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Drain {
    /// `configuration`, `discovery`, or who gave the command: `operator at ADDRESS`, and in a fleet `through PROXY`.
    pub by: String,
    /// Since when, in seconds since the Unix epoch.
    pub at: u64,
    /// Why, if the command said it.
    pub reason: Option<String>,
    /// Whether it is a command that holds on this proxy alone.
    pub local: bool,
}
