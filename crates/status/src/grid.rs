//! The answer of `/status`: one object for each substation, with measured and estimated values
//! apart.

use std::{collections::BTreeMap, net::SocketAddr};

use serde::Serialize;

use crate::{
    client::ClientStatus, drain::Drain, feeder::FeederStatus, fleet::Fleet, limit::Limit,
    prometheus::PrometheusStatus,
};

/// The answer of `/status`. Loads are in the unit of the load gauge.
#[derive(Debug, Serialize)]
pub struct GridStatus<'a> {
    /// The policy's name.
    pub policy: &'static str,
    /// The number of the configuration in force, from 1.
    pub config_version: u64,
    /// Panic mode: too few are in rotation, so those ejected for failing are used as well.
    pub panic: bool,
    /// How long the load of a charge lasts: `session` or `answer`.
    pub lasts: &'static str,
    /// Where that is known from: `configured`, `learned` or `assumed`.
    pub lasts_source: &'static str,
    /// What the proxy shares with others; null without a store.
    pub fleet: Option<Fleet>,
    /// The state file; null where none is configured.
    pub state: Option<StateFileStatus>,
    /// Prometheus, where it is asked for all loads; left out where substations are scraped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusStatus>,
    /// The configured clients, in the order of the configuration; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<ClientStatus<'a>>,
    /// The limits that several substations share, in the order of the configuration.
    pub feeders: Vec<FeederStatus<'a>>,
    /// In the order of the configuration.
    pub substations: Vec<SubstationStatus<'a>>,
}

/// The file that keeps the state across a restart.
#[derive(Debug, Serialize)]
pub struct StateFileStatus {
    /// Its path.
    pub file: String,
    /// When it was written last, in seconds since the Unix epoch; null before a first time.
    pub written_unix_seconds: Option<f64>,
    /// How long that took.
    pub write_seconds: f64,
    /// Its size.
    pub bytes: usize,
    /// Why the last write failed; null if it did not.
    pub error: Option<String>,
}

/// One substation, in the answer of `/status` and in those of `/substations/{name}/…`.
#[derive(Debug, Serialize)]
pub struct SubstationStatus<'a> {
    /// Unique in the grid.
    pub name: &'a str,
    /// The name that it calls itself, and that the ids of its sessions begin with; null until it has said one.
    pub own_name: Option<String>,
    /// The address that it listens on.
    pub address: SocketAddr,
    /// `up`, `stale`, `ejected`, `down`, `draining` or `unknown`.
    pub state: &'static str,
    /// The feeder that it hangs on; null without one.
    pub feeder: Option<&'a str>,
    /// What it says of itself to requests that select, as written.
    pub labels: BTreeMap<&'a str, &'a str>,
    /// As last sampled; null before a first sample.
    pub current_load: Option<f64>,
    /// Null where it is unknown.
    pub capacity: Option<f64>,
    /// The strictest limit in force; null if there is none.
    pub limit: Option<Limit>,
    /// Null before a first sample.
    pub sample_age_seconds: Option<f64>,
    /// The estimate of its load now.
    pub estimated_load: f64,
    /// The part of the estimate that the last sample can't include.
    pub unseen_load: f64,
    /// Requests that wait for its answer.
    pub in_flight: u64,
    /// The most requests that may wait for it; null while there is no limit.
    pub request_limit: Option<u32>,
    /// Whether the load gauge is not believed, because it does not show what was booked.
    pub distrusted: bool,
    /// Requests that were ever assigned to it: a count, not a load.
    pub assigned_total: u64,
    /// Why it gets no new sessions; null unless it drains.
    pub drain: Option<Drain>,
    /// Why it is in that state.
    pub health: Health,
}

/// Why a substation is in its state, and what comes next.
#[derive(Debug, Serialize)]
pub struct Health {
    /// Whether its last scrape brought a sample.
    pub can_scrape: bool,
    /// Whether requests are sent to it.
    pub can_charge: bool,
    /// `in`, `ejected`, `trial` or `tried`.
    pub stage: &'static str,
    /// Failures since the last good exchange.
    pub failures_in_a_row: u32,
    /// Ejections that count for how long the next one lasts.
    pub ejections: u32,
    /// In how many seconds its trial is due; 0 if the next scrape starts it. Null unless it is
    /// ejected, and for one that is unreachable: the first scrape that reaches it brings it back.
    pub trial_in_seconds: Option<f64>,
    /// The part of its share that it gets: 1 except during slow start.
    pub share: f64,
    /// The least load that it has refused and is not asked for now; null if none.
    pub refuses_from: Option<f64>,
    /// It drains.
    pub draining: bool,
}
