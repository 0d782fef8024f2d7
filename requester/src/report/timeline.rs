//! The run over time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The run, cut into moments of equal length.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Timeline {
    /// The length of a moment.
    pub interval_seconds: f64,
    /// All moments, in order.
    pub moments: Vec<Moment>,
}

/// What happened in a moment.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Moment {
    /// When it began, since the start.
    pub at_seconds: f64,
    /// How long it was; the end of the run may cut the last one short.
    pub seconds: f64,
    /// Requests that were due in it.
    pub offered: u64,
    /// Answers that came in it, with whatever status.
    pub answered: u64,
    /// Answers that came in it with a status of 400 or above.
    pub refused: u64,
    /// Requests that ended in it without an answer.
    pub failed: u64,
    /// The median latency of its answers; null without an answer.
    pub p50_seconds: Option<f64>,
    /// The 99th percentile of its answers' latencies.
    pub p99_seconds: Option<f64>,
    /// The highest latency of its answers.
    pub max_seconds: Option<f64>,
}
