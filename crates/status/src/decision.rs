//! One choice, with what it was made from.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One choice, for people.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Decision {
    /// When it was made, in seconds since the Unix epoch.
    pub unix_seconds: f64,
    /// The load that was placed.
    pub load: f64,
    /// Where it went.
    pub substation: String,
    /// Why there.
    pub reason: Cow<'static, str>,
    /// By how much the best score was below the next; null where there was no other.
    pub margin: Option<f64>,
    /// The share of the gauges that counted.
    pub share: f64,
    /// The best candidates, the best one first.
    pub candidates: Vec<Candidate>,
}

/// A candidate as it stood right before the choice.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Candidate {
    /// Its name.
    pub substation: String,
    /// Its gauge as last sampled.
    pub sample: Option<f64>,
    /// How old that was.
    pub sample_age_seconds: Option<f64>,
    /// The part of the estimate that the sample can't know.
    pub unseen_load: f64,
    /// What its load was believed to be.
    pub estimated_load: f64,
    /// The most it can bear, where that is known.
    pub capacity: Option<f64>,
    /// Null for one that the policy compared with nobody.
    pub score: Option<f64>,
}
