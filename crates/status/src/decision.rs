//! One choice, with its candidates.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

/// One choice, to be shown.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Decision {
    /// The id of the request that it was made for.
    #[serde(default)]
    pub request_id: String,
    /// The trace of that request, if it is sampled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// When it was made, in seconds since the Unix epoch.
    pub unix_seconds: f64,
    /// The load that was placed.
    pub load: f64,
    /// The chosen substation.
    pub substation: String,
    /// Why it was chosen.
    pub reason: Cow<'static, str>,
    /// By how much the best score was below the next; null where there was only one candidate.
    pub margin: Option<f64>,
    /// The share of a gap between substations that this proxy fills.
    pub share: f64,
    /// The value of each label that the request selected by, needed or preferred.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selection: BTreeMap<String, String>,
    /// The best candidates, the best one first.
    pub candidates: Vec<Candidate>,
}

/// A candidate as it stood right before the choice.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Candidate {
    /// Its name.
    pub substation: String,
    /// Its load as last sampled.
    pub sample: Option<f64>,
    /// How old that sample was.
    pub sample_age_seconds: Option<f64>,
    /// The part of the estimate that the sample can't include.
    pub unseen_load: f64,
    /// The estimate of its load.
    pub estimated_load: f64,
    /// Its capacity, if known.
    pub capacity: Option<f64>,
    /// Null for a candidate that the policy did not compare.
    pub score: Option<f64>,
    /// The level of its path that the score is of: its own name or that of a feeder above it. None without a feeder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
}
