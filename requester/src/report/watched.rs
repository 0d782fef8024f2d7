//! What was seen of substations and proxy while the run went on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A figure over time.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Peak {
    /// The highest value at any look.
    pub peak: f64,
    /// The mean, each look weighted by the time until the next.
    pub time_weighted: f64,
}

/// What the substations' gauges said.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Grid {
    /// How often all substations were looked at.
    pub looks: u64,
    /// How often at least one of them could not be read, or showed no load. Such looks are in no figure.
    pub failed_looks: u64,
    /// The fullest substation's utilisation divided by the mean of all; 1 is even. Only while the mean is
    /// above 0.05. Without capacities, loads are compared instead.
    pub imbalance: Option<Peak>,
    /// The fullest substation's utilisation minus the emptiest's, in percentage points, while there is room:
    /// the mean is below 0.95.
    pub spread_points: Option<Peak>,
    /// The mean utilisation of all substations, 0 to 1.
    pub utilisation: Option<Peak>,
    /// How often a substation was found with a load above its capacity.
    pub capacity_violations: u64,
    /// The energy that all substations delivered during the run, in kWh; nothing if a page was missing.
    pub energy_delivered_kwh: Option<f64>,
    /// Each substation, by name.
    pub substations: BTreeMap<String, StationLoad>,
    /// The loads themselves.
    pub samples: Samples,
}

/// A substation's load over the run.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct StationLoad {
    /// The most that it can bear, in the unit of its gauge; nothing if it does not say.
    pub capacity: Option<f64>,
    /// Its load, in the unit of its gauge.
    pub load: Option<Peak>,
    /// Its load divided by its capacity.
    pub utilisation: Option<Peak>,
    /// For how long its load was above its capacity.
    pub over_capacity_seconds: f64,
}

/// Loads as they were seen. A long run keeps only every so many looks; the figures are of all.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Samples {
    /// When each look was, since the start.
    pub at_seconds: Vec<f64>,
    /// Each substation's load at each look, by name.
    pub load: BTreeMap<String, Vec<f64>>,
}

/// What everybody counted over the run, as Prometheus would see it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Counters {
    /// Everybody counted the same, to the request.
    pub agree: bool,
    /// Where they did not.
    pub differences: Vec<String>,
    /// Answers with a 2xx status that the tester got.
    pub tester_booked: u64,
    /// All answers that the tester got.
    pub tester_answered: u64,
    /// What the proxy counted; nothing if it was not watched.
    pub proxy: Option<ProxyCounters>,
    /// What each substation counted, by name.
    pub substations: BTreeMap<String, StationCounters>,
}

/// The growth of the proxy's `switchyard_requests_total`, by `result`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ProxyCounters {
    /// Answered with 2xx.
    pub booked: u64,
    /// Answered by a substation, with another status.
    pub answered: u64,
    /// The client's fault.
    pub invalid: u64,
    /// No room, or none usable.
    pub refused: u64,
    /// A substation failed, or time ran out.
    pub failed: u64,
}

impl ProxyCounters {
    /// All requests that ended.
    #[must_use]
    pub fn total(self) -> u64 {
        self.booked + self.answered + self.invalid + self.refused + self.failed
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            booked: self.booked.saturating_sub(before.booked),
            answered: self.answered.saturating_sub(before.answered),
            invalid: self.invalid.saturating_sub(before.invalid),
            refused: self.refused.saturating_sub(before.refused),
            failed: self.failed.saturating_sub(before.failed),
        }
    }
}

/// The growth of a substation's `substation_charge_requests_total`, by `result`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct StationCounters {
    /// Booked.
    pub accepted: u64,
    /// Refused for want of room, or because it was draining.
    pub refused: u64,
    /// Malformed.
    pub invalid: u64,
}

impl StationCounters {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            accepted: self.accepted.saturating_sub(before.accepted),
            refused: self.refused.saturating_sub(before.refused),
            invalid: self.invalid.saturating_sub(before.invalid),
        }
    }
}
