//! The traffic as clients see it, as rates.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The traffic as clients see it. Rates, shares and quantiles are over the last ten seconds; none
/// in the first snapshot.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Traffic {
    /// Requests that ended, per second.
    pub per_second: Option<f64>,
    /// The share of them that a substation booked or answered, not counting invalid requests.
    pub success: Option<f64>,
    /// The median duration of requests, in seconds.
    pub p50_seconds: Option<f64>,
    /// The 99th percentile of the durations, in seconds.
    pub p99_seconds: Option<f64>,
    /// Requests without room or substation, per second.
    pub refused_per_second: Option<f64>,
    /// Requests that failed at a substation or ran out of time, per second.
    pub failed_per_second: Option<f64>,
    /// The proxy's own errors by code, per second, the most frequent first.
    pub errors: Vec<(Cow<'static, str>, f64)>,
    /// Requests that ended since the start.
    pub total: u64,
    /// Requests in flight.
    pub in_flight: usize,
    /// Requests that wait for room.
    pub waiting: usize,
    /// Open client connections.
    pub connections: usize,
}
