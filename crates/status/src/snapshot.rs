//! The snapshot that the live page and `switchyard top` show: the whole proxy at one moment, with a
//! verdict.
//!
//! Both read the same struct, so they can't disagree. Judgements (is it healthy? which substation
//! is the fullest?) are made for it and not by the viewers, so they are made once, and tested.
//!
//! A snapshot is complete and refers to no earlier one. So viewers may come at any time, miss
//! snapshots and come back, and substations may come and go: their names identify them.

use serde::{Deserialize, Serialize};

use crate::{
    balance::Balance, configuration::Configuration, decision::Decision, feeder::Feeder,
    fleet::Fleet, substation::Substation, traffic::Traffic, verdict::Verdict,
};

/// Everything at one moment. Loads are in the unit of the load gauge.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct StatusSnapshot {
    /// When it was captured, in seconds since the Unix epoch.
    pub unix_seconds: f64,
    /// The health, in words.
    pub verdict: Verdict,
    /// The traffic as clients see it.
    pub traffic: Traffic,
    /// How even the load is.
    pub balance: Balance,
    /// The substations, in the order of the configuration.
    pub substations: Vec<Substation>,
    /// The feeders, in the order of the configuration; none where none are configured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeders: Vec<Feeder>,
    /// The last choices, the newest first.
    pub decisions: Vec<Decision>,
    /// The configuration in force.
    pub configuration: Configuration,
    /// What the proxy shares with others; none without a store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<Fleet>,
}
