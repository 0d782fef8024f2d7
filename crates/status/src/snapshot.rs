//! The picture that the live page and `switchyard top` show: the whole proxy at one moment, judged.
//!
//! One struct, written here and read by both, so that they can't tell two stories. What takes judgement (is it well?
//! who is the fullest?) is done here and not by those who look: it is said once, and tested.
//!
//! A picture is whole; nothing in it refers to an earlier one. So a viewer may come at any time, miss some, or come
//! back, and substations may come and go: they are told apart by their names.

use serde::{Deserialize, Serialize};

use crate::{
    balance::Balance, configuration::Configuration, decision::Decision, substation::Substation,
    traffic::Traffic, verdict::Verdict,
};

/// Everything at one moment. Loads are in the unit of the load gauge.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct StatusSnapshot {
    /// When it was taken, in seconds since the Unix epoch.
    pub unix_seconds: f64,
    /// Whether all is well, in words.
    pub verdict: Verdict,
    /// What clients see.
    pub traffic: Traffic,
    /// How even the load is.
    pub balance: Balance,
    /// The substations, in the order of the configuration.
    pub substations: Vec<Substation>,
    /// The last choices, the newest first.
    pub decisions: Vec<Decision>,
    /// What is in force.
    pub configuration: Configuration,
}
