//! What was read from the substations and the proxy during the run.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::format::grouped;

/// A figure over time.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Peak {
    /// The highest value in any reading.
    pub peak: f64,
    /// The mean, each reading weighted by the time until the next.
    pub time_weighted: f64,
}

/// What was read from the substations' gauges.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Grid {
    /// How often all substations were read.
    pub looks: u64,
    /// How often at least one substation could not be read, or showed no load. Such readings are in
    /// no figure.
    pub failed_looks: u64,
    /// The highest utilisation divided by the mean; 1 is even. Only while the mean is above 0.05.
    /// Without capacities, loads are compared instead.
    pub imbalance: Option<Peak>,
    /// The highest utilisation minus the lowest, in percentage points. Only while the mean is below
    /// 0.95, because above it little capacity is left to balance with.
    pub spread_points: Option<Peak>,
    /// The mean utilisation of all substations, 0 to 1.
    pub utilisation: Option<Peak>,
    /// How many readings showed a substation with a load above its capacity; null if a substation's
    /// load or capacity is not known.
    pub capacity_violations: Option<u64>,
    /// The energy that all substations delivered during the run, in kWh; null if a page or its
    /// counter was missing, or a substation restarted.
    pub energy_delivered_kwh: Option<f64>,
    /// Each substation, by name.
    pub substations: BTreeMap<String, StationLoad>,
    /// Each limit that several substations share, by name; empty where none was to be watched.
    #[serde(default)]
    pub feeders: BTreeMap<String, FeederLoad>,
    /// The loads themselves.
    pub samples: Samples,
}

/// A substation's load over the run.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct StationLoad {
    /// Its capacity, in the unit of its gauge; null if it does not report one.
    pub capacity: Option<f64>,
    /// Its load, in the unit of its gauge.
    pub load: Option<Peak>,
    /// Its load divided by its capacity.
    pub utilisation: Option<Peak>,
    /// For how long its load was above its capacity; null if one of them is not known.
    pub over_capacity_seconds: Option<f64>,
}

/// The load of a limit that several substations share: the sum of what they showed themselves, and of
/// what else is known to be there.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct FeederLoad {
    /// Its capacity, in the unit of the substations' gauges.
    pub capacity: f64,
    /// Its load; null if there was no reading.
    pub load: Option<Peak>,
    /// Its highest load divided by its capacity.
    pub peak_utilisation: Option<f64>,
    /// How many readings were above its capacity.
    pub over_capacity_readings: u64,
    /// For how long it was above its capacity.
    pub over_capacity_seconds: f64,
}

/// Loads as they were read. A long run keeps only some of the readings; the figures come from all
/// of them.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Samples {
    /// When each reading was taken, since the start.
    pub at_seconds: Vec<f64>,
    /// Each substation's load in each reading, by name.
    pub load: BTreeMap<String, Vec<f64>>,
}

/// What each part counted over the run, as Prometheus would see it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Counters {
    /// All counters that were measured are equal, to the request, and at least one was measured.
    pub agree: bool,
    /// Where they differ.
    pub differences: Vec<String>,
    /// The substations, and the proxy, without the counters that would be compared.
    pub not_measured: Vec<String>,
    /// Answers with a 2xx status that the load generator got.
    pub tester_booked: u64,
    /// All answers that the load generator got.
    pub tester_answered: u64,
    /// What the proxy counted; null if it was not watched, or does not count.
    pub proxy: Option<ProxyCounters>,
    /// What each substation counted, by name. One without these counters is missing.
    pub substations: BTreeMap<String, StationCounters>,
}

impl fmt::Display for Counters {
    /// In a sentence, without a full stop.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.agree {
            let booked = grouped(self.tester_booked);
            write!(out, "all agree on {booked} bookings")?;
        } else if self.differences.is_empty() {
            return out.write_str("not measured: neither proxy nor substations count requests");
        } else {
            out.write_str(&self.differences.join("; "))?;
        }
        if !self.not_measured.is_empty() {
            let names = self.not_measured.join(", ");
            write!(out, "; not measured: {names}")?;
        }
        Ok(())
    }
}

/// The growth of the proxy's `switchyard_requests_total`, by `result`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ProxyCounters {
    /// Answered with 2xx.
    pub booked: u64,
    /// Answered by a substation, with another status.
    pub answered: u64,
    /// Refused as the client's fault.
    pub invalid: u64,
    /// Refused because no substation had capacity, or none could be used.
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

    /// The growth since an earlier reading; none if a counter fell, which is a restart.
    pub(crate) fn since(self, before: Self) -> Option<Self> {
        Some(Self {
            booked: self.booked.checked_sub(before.booked)?,
            answered: self.answered.checked_sub(before.answered)?,
            invalid: self.invalid.checked_sub(before.invalid)?,
            refused: self.refused.checked_sub(before.refused)?,
            failed: self.failed.checked_sub(before.failed)?,
        })
    }
}

/// The growth of a substation's `substation_charge_requests_total`, by `result`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct StationCounters {
    /// Booked.
    pub accepted: u64,
    /// Refused because it was full or draining.
    pub refused: u64,
    /// Malformed.
    pub invalid: u64,
}

impl StationCounters {
    /// The growth since an earlier reading; none if a counter fell, which is a restart.
    pub(crate) fn since(self, before: Self) -> Option<Self> {
        Some(Self {
            accepted: self.accepted.checked_sub(before.accepted)?,
            refused: self.refused.checked_sub(before.refused)?,
            invalid: self.invalid.checked_sub(before.invalid)?,
        })
    }
}
