//! The grid as `/status` tells it: one object a substation, with what is measured and what is only believed kept apart.

use std::net::SocketAddr;

use serde::Serialize;

/// The answer of `/status`. Loads are in the unit of the load gauge.
#[derive(Debug, Serialize)]
pub struct GridStatus<'a> {
    /// The policy's name.
    pub policy: &'static str,
    /// Counts the configurations that were in force, from 1.
    pub config_version: u64,
    /// Too few are in rotation, so those ejected for failing are used as well.
    pub panic: bool,
    /// In the order of the configuration.
    pub substations: Vec<SubstationStatus<'a>>,
}

/// One substation, in the answer of `/status` and in those of `/substations/{name}/…`.
#[derive(Debug, Serialize)]
pub struct SubstationStatus<'a> {
    /// Unique in the grid.
    pub name: &'a str,
    /// Where it listens.
    pub address: SocketAddr,
    /// `up`, `stale`, `ejected`, `down`, `draining` or `unknown`.
    pub state: &'static str,
    /// As last sampled; null before a first sample.
    pub current_load: Option<f64>,
    /// Null where none is known.
    pub capacity: Option<f64>,
    /// Null before a first sample.
    pub sample_age_seconds: Option<f64>,
    /// What the load is believed to be now.
    pub estimated_load: f64,
    /// The part of the estimate that the last sample can't know.
    pub unseen_load: f64,
    /// Requests that wait for its answer.
    pub in_flight: u64,
    /// Requests that were ever assigned to it: a count, not a load.
    pub assigned_total: u64,
    /// Why it is in that state.
    pub health: Health,
}

/// Why a substation is in its state, and what comes next.
#[derive(Debug, Serialize)]
pub struct Health {
    /// Its last scrape brought a sample.
    pub can_scrape: bool,
    /// Requests are sent to it.
    pub can_charge: bool,
    /// `in`, `ejected`, `trial` or `tried`.
    pub stage: &'static str,
    /// Failures since the last exchange that went well.
    pub failures_in_a_row: u32,
    /// Ejections that count for how long the next one lasts.
    pub ejections: u32,
    /// Null unless it is ejected.
    pub trial_in_seconds: Option<f64>,
    /// The part of its share that it may have: 1 unless it has just come back.
    pub share: f64,
    /// The least load that it has refused and is not asked for now; null if none.
    pub refuses_from: Option<f64>,
    /// An operator has taken it out.
    pub draining: bool,
}
