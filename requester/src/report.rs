//! The result of a run, with every figure named in full.
//!
//! These types are the JSON that `--output` writes. `report.schema.json` is generated from them,
//! documentation included. The keys are a contract: they stay, and new ones may be added.

mod timeline;
mod verdict;
mod watch;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::{real, share};

pub use timeline::{Moment, Timeline};
pub use verdict::Verdict;
pub use watch::{
    Counters, FeederLoad, Grid, Peak, ProxyCounters, Samples, StationCounters, StationLoad,
};

/// The result of a run. Its JSON keys are its fields. They are a contract; fields may be added.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Report {
    /// Where the requests went.
    pub target: String,
    /// What the load was.
    pub scenario: String,
    /// The seed that offers the same again.
    pub seed: u64,
    /// From the start until the last request had ended.
    pub duration_seconds: f64,
    /// The requests that were due. The rate is over the time in which requests were offered.
    pub offered: Volume,
    /// The requests that were answered, with whatever status. The rate is over `duration_seconds`.
    pub achieved: Volume,
    /// The latencies of answered requests, from when each was due to the last byte of its answer.
    /// Null if none was answered.
    pub latency_seconds: Option<Latency>,
    /// The latencies of all offered requests, of which those without an answer count as slower than
    /// any answer. This is what checks judge. Null if nothing was offered.
    pub latency_of_all_seconds: Option<LatencyOfAll>,
    /// Answers by status.
    pub answers: BTreeMap<u16, u64>,
    /// What went wrong.
    pub errors: Errors,
    /// Answers by the substation that their `x-substation` header names.
    pub substations: BTreeMap<String, Share>,
    /// How many requests left more than a millisecond after they were due.
    pub late_starts: u64,
    /// How many connections were used.
    pub connections: Connections,
    /// Latencies by percentile, in ever finer steps towards the highest.
    pub latency_curve: Vec<CurvePoint>,
    /// The run over time.
    pub timeline: Timeline,
    /// The energy that cars asked for, and how much of it was booked. Malformed requests ask for
    /// none.
    pub energy_kwh: EnergyKwh,
    /// Requests that were malformed on purpose.
    pub malformed: MalformedCount,
    /// What cars asked for besides power and energy, in fields or headers, and what became of it.
    /// Malformed requests are not counted.
    #[serde(default)]
    pub labels: Vec<LabelReport>,
    /// Sessions that were ended before their cars were full; null if none were to be ended early.
    pub unplugged: Option<Unplugged>,
    /// How the load generator itself did. If it was the bottleneck, the other figures describe it,
    /// not the target.
    pub tester: Tester,
    /// What limited the result besides the load generator, such as a target that did not keep up.
    pub remarks: Vec<String>,
    /// The load that the substations reported; null if they were not watched.
    pub grid: Option<Grid>,
    /// What the proxy and the substations counted; null if they were not watched.
    pub counters: Option<Counters>,
    /// The checks that the report was judged by, with their results.
    pub checks: Vec<Verdict>,
}

/// A number of requests, and their rate.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Volume {
    /// How many.
    pub requests: u64,
    /// How many a second.
    pub rate: f64,
}

/// Latencies in seconds.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Latency {
    /// The mean.
    pub mean: f64,
    /// The median.
    pub p50: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The 99.9th percentile.
    pub p999: f64,
    /// The highest.
    pub max: f64,
}

/// Latencies in seconds of requests of which some were not answered. A figure that falls on one of
/// these is null: it is above any limit.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct LatencyOfAll {
    /// The mean; null if any request was not answered.
    pub mean: Option<f64>,
    /// The median.
    pub p50: Option<f64>,
    /// The 90th percentile.
    pub p90: Option<f64>,
    /// The 99th percentile.
    pub p99: Option<f64>,
    /// The 99.9th percentile.
    pub p999: Option<f64>,
    /// The highest; null if any request was not answered.
    pub max: Option<f64>,
}

/// Requests without an answer, and answers that report an error.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Errors {
    /// Requests that ended without an answer: `connect`, `broken`, `timed_out`, or `not_sent`
    /// because all connections were busy. Together with the answers they add up to all offered
    /// requests.
    pub by_kind: BTreeMap<String, u64>,
    /// Answers of a status of 400 or above, by the `error.code` in their body.
    pub by_code: BTreeMap<String, u64>,
    /// The message of the first error of each kind.
    pub first: BTreeMap<String, String>,
}

/// A substation's share of the answers.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Share {
    /// How many answers name it.
    pub requests: u64,
    /// Its part of all answers that name a substation, 0 to 1.
    pub share: f64,
}

/// How connections were used.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Connections {
    /// The most that could be open at once.
    pub limit: usize,
    /// How many were opened in total.
    pub opened: u64,
}

/// A point of the latency curve.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The percentile.
    pub percent: f64,
    /// The latency that this percentage of the answers does not exceed.
    pub seconds: f64,
}

/// The energy that cars asked for, and that they got.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct EnergyKwh {
    /// Asked for by all well-formed requests together.
    pub asked: f64,
    /// Asked for by those that were answered with a 2xx status.
    pub booked: f64,
}

/// Requests that were malformed on purpose.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct MalformedCount {
    /// How many were offered.
    pub offered: u64,
    /// How many of them were refused as malformed, which is right: a 4xx status other than 429.
    pub refused: u64,
    /// How many of them were answered with a 2xx status, which is wrong.
    pub accepted: u64,
}

/// A field or a header by which requests differ.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct LabelReport {
    /// Its name.
    pub name: String,
    /// Whether it is a header, and not a field of the body.
    pub is_header: bool,
    /// The requests by its value; an empty value stands for requests without it.
    pub values: BTreeMap<String, LabelCounts>,
}

/// What became of the requests with a value.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct LabelCounts {
    /// How many were offered.
    pub offered: u64,
    /// Answered with a 2xx status.
    pub booked: u64,
    /// Refused for lack of capacity: answered with 429 or 503.
    pub refused: u64,
    /// Refused because no substation has what they need: 422 `no_match`.
    pub no_match: u64,
}

impl LabelCounts {
    /// All other ends: another answer, or none.
    #[must_use]
    pub fn others(self) -> u64 {
        let known = self.booked + self.refused + self.no_match;
        self.offered.saturating_sub(known)
    }
}

/// Sessions of cars that leave early.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Unplugged {
    /// Booked sessions that were to be ended early.
    pub planned: u64,
    /// Sessions that were ended early.
    pub done: u64,
    /// Sessions that the substation did not know any more.
    pub already_over: u64,
    /// Sessions that could not be ended.
    pub failed: u64,
    /// Sessions that were still to be ended when the run ended.
    pub pending: u64,
}

/// How the load generator itself did.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Tester {
    /// How late the load generator itself was with each request. A wait for a new connection to the
    /// target is not part of it.
    pub lag_seconds: Option<Latency>,
    /// How many requests were more than a millisecond late for that reason alone.
    pub late_starts: u64,
    /// The latencies of answered requests without that lag. Null if none was answered.
    pub latency_without_lag_seconds: Option<Latency>,
    /// CPU time of the run: of its thread if it ran on one thread, else of its process. Null where
    /// the system does not report it.
    pub cpu_seconds: Option<f64>,
    /// The same as a part of one core over the run.
    pub cpu_share: Option<f64>,
    /// Why the load generator was a bottleneck, and what that cost; empty if it was none. A saturated
    /// target is among the report's `remarks`.
    pub bottlenecks: Vec<String>,
}

impl Report {
    /// The JSON Schema of a report.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Report).into()
    }

    /// How many requests were answered with a 2xx status.
    #[must_use]
    pub fn succeeded(&self) -> u64 {
        self.answers.range(200..300).map(|(_, count)| *count).sum()
    }

    /// How many requests ended without an answer.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.errors.by_kind.values().sum()
    }

    /// How many requests were refused for lack of capacity: answered with 429 or 503.
    #[must_use]
    pub fn refused(&self) -> u64 {
        let count = |status| self.answers.get(&status).copied().unwrap_or(0);
        count(429) + count(503)
    }

    /// How many requests went wrong: not answered, or answered with a status of 400 or above other
    /// than 429 and 503. A malformed request is an error if it was accepted, not if it was refused.
    #[must_use]
    pub fn errors(&self) -> u64 {
        let faults: u64 = self.answers.range(400..).map(|(_, count)| *count).sum();
        let faults = faults.saturating_sub(self.refused() + self.malformed.refused);
        self.unanswered() + faults + self.malformed.accepted
    }

    /// A count as a part of the offered requests, 0 to 1.
    #[must_use]
    pub fn part_of(&self, count: f64) -> f64 {
        share(count, real(self.offered.requests))
    }
}
