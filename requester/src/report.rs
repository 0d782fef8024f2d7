//! What a run found, with every figure named in full.
//!
//! These types are the JSON that `--output` writes, and `report.schema.json` is made of them, their words
//! included. Keys are a contract: they stay, and others may be added.

mod build;
mod html;
mod timeline;
mod watched;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::Verdict;
use crate::number::{real, share};

pub(crate) use build::Facts;
pub use html::Html;
pub use timeline::{Moment, Timeline};
pub use watched::{Counters, Grid, Peak, ProxyCounters, Samples, StationCounters, StationLoad};

/// The result of a run. As JSON its keys are its fields; they are a contract, fields may be added.
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
    /// What was to be sent. The rate is over the time in which requests were offered.
    pub offered: Volume,
    /// What was answered, with whatever status. The rate is over `duration_seconds`.
    pub achieved: Volume,
    /// Of answered requests, from when each was meant to leave to the last byte of its answer. Nothing if
    /// nothing was answered.
    pub latency_seconds: Option<Latency>,
    /// Answers by status.
    pub answers: BTreeMap<u16, u64>,
    /// What went wrong.
    pub errors: Errors,
    /// Answers by the substation that their `x-substation` header names.
    pub substations: BTreeMap<String, Share>,
    /// How often the tester itself sent more than a millisecond after it meant to.
    pub late_starts: u64,
    /// How many connections it took.
    pub connections: Connections,
    /// Latencies by the part of the answers that do not exceed them, ever finer towards the highest.
    pub latency_curve: Vec<CurvePoint>,
    /// How the run went, moment by moment.
    pub timeline: Timeline,
    /// What cars asked for, and what of it was booked. Malformed requests ask for nothing.
    pub energy_kwh: EnergyKwh,
    /// Requests that were malformed on purpose.
    pub malformed: MalformedCount,
    /// Sessions that were ended before their cars were full; nothing where none were to be.
    pub unplugged: Option<Unplugged>,
    /// How the tester itself did. If it was the bottleneck, the other figures are of the tester.
    pub tester: Tester,
    /// What the substations said of their load; nothing if they were not watched.
    pub grid: Option<Grid>,
    /// What the proxy and the substations counted; nothing if they were not watched.
    pub counters: Option<Counters>,
    /// What the report was to be judged by, and whether it held.
    pub checks: Vec<Verdict>,
}

/// So many requests, so many a second.
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
    /// One in ten is higher.
    pub p90: f64,
    /// One in a hundred is higher.
    pub p99: f64,
    /// One in a thousand is higher.
    pub p999: f64,
    /// The highest.
    pub max: f64,
}

/// Requests without an answer, and answers that say what went wrong.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Errors {
    /// Requests that ended without an answer: `connect`, `broken`, `timed_out`, or `not_sent` because all
    /// connections were busy. Together with the answers they are all that was offered.
    pub by_kind: BTreeMap<String, u64>,
    /// Answers of a status of 400 or above, by the `error.code` in their body.
    pub by_code: BTreeMap<String, u64>,
    /// What the first of each kind said.
    pub first: BTreeMap<String, String>,
}

/// A substation's part.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Share {
    /// How many answers name it.
    pub requests: u64,
    /// Its part of all answers that name one, 0 to 1.
    pub share: f64,
}

/// How connections were used.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Connections {
    /// The most that could be open at once.
    pub limit: usize,
    /// How many were opened in all.
    pub opened: u64,
}

/// A point of the latency curve.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct CurvePoint {
    /// So many percent of the answers came within
    pub percent: f64,
    /// so many seconds.
    pub seconds: f64,
}

/// What cars asked for and got.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct EnergyKwh {
    /// By all well-formed requests together.
    pub asked: f64,
    /// By those that were answered with a 2xx status.
    pub booked: f64,
}

/// Requests that were malformed on purpose.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct MalformedCount {
    /// How many were offered.
    pub offered: u64,
    /// How many of them were refused as malformed, as they should be: a 4xx status other than 429.
    pub refused: u64,
    /// How many of them were answered with a 2xx status, which they should not be.
    pub accepted: u64,
}

/// Sessions of cars that leave early.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Unplugged {
    /// Sessions that were booked and to be ended early.
    pub planned: u64,
    /// Those that were.
    pub done: u64,
    /// Those that the substation did not know any more.
    pub already_over: u64,
    /// Those that could not be ended.
    pub failed: u64,
    /// Those whose time had not come when the run ended.
    pub pending: u64,
}

/// How the tester itself did.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Tester {
    /// From when requests were meant to leave to when a connection was ready to take them: the part of the
    /// latencies that is the tester's own.
    pub lag_seconds: Option<Latency>,
    /// Processor time that the run took: of its thread if it had one, else of its process. Nothing where the
    /// system does not say.
    pub cpu_seconds: Option<f64>,
    /// The same as a part of one core over the run.
    pub cpu_share: Option<f64>,
    /// Why the tester was the bottleneck; empty if it was not.
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

    /// How many requests were refused for want of room: answered with 429 or 503.
    #[must_use]
    pub fn refused(&self) -> u64 {
        let count = |status| self.answers.get(&status).copied().unwrap_or(0);
        count(429) + count(503)
    }

    /// How many requests went wrong: not answered, or with a status of 400 or above other than a refusal for
    /// want of room. That a malformed request is refused is right, and that it is not is an error.
    #[must_use]
    pub fn errors(&self) -> u64 {
        let faults: u64 = self.answers.range(400..).map(|(_, count)| *count).sum();
        let faults = faults.saturating_sub(self.refused() + self.malformed.refused);
        self.unanswered() + faults + self.malformed.accepted
    }

    /// A count as a part of what was offered, 0 to 1.
    #[must_use]
    pub fn part_of(&self, count: f64) -> f64 {
        share(count, real(self.offered.requests))
    }
}

#[cfg(test)]
#[path = "report/tests.rs"]
pub(crate) mod tests;
