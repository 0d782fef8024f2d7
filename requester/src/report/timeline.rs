//! The run, moment by moment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The run, cut into moments of the same length.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Timeline {
    /// How long a moment is.
    pub interval_seconds: f64,
    /// All of them, in order.
    pub moments: Vec<Moment>,
}

/// What happened in a moment.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Moment {
    /// When it began, since the start.
    pub at_seconds: f64,
    /// How long it was; the last one may be cut short by the end of the run.
    pub seconds: f64,
    /// Requests that were due in it.
    pub offered: u64,
    /// Answers that came in it, with whatever status.
    pub answered: u64,
    /// Those of them with a status of 400 or above.
    pub refused: u64,
    /// Requests that ended in it without an answer.
    pub failed: u64,
    /// The median latency of its answers; nothing without an answer.
    pub p50_seconds: Option<f64>,
    /// The latency that one in a hundred of its answers exceeds.
    pub p99_seconds: Option<f64>,
    /// The highest latency of its answers.
    pub max_seconds: Option<f64>,
}
