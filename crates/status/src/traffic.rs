//! What clients see, as rates.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What clients see. Rates and shares are over the last ten seconds, and none until there were two looks.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Traffic {
    /// Requests that ended, each second.
    pub per_second: Option<f64>,
    /// The part of them that was booked or answered by a substation, of all that were not the client's own fault.
    pub success: Option<f64>,
    /// Half of all requests took no longer.
    pub p50_seconds: Option<f64>,
    /// Of a hundred requests 99 took no longer.
    pub p99_seconds: Option<f64>,
    /// Those for which there was no room or no substation, each second.
    pub refused_per_second: Option<f64>,
    /// Those that a substation failed or that ran out of time, each second.
    pub failed_per_second: Option<f64>,
    /// The proxy's own errors, each second, by code, the most frequent first.
    pub errors: Vec<(Cow<'static, str>, f64)>,
    /// All that ended since the start.
    pub total: u64,
    /// Requests in hand.
    pub in_flight: usize,
    /// Requests that wait for room.
    pub waiting: usize,
    /// Open client connections.
    pub connections: usize,
}
