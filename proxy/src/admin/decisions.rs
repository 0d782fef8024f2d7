//! The last choices as JSON, the newest first.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use switchyard_balance::Load;

use crate::{
    dispatch::{self, Shared},
    grid::Grid,
};

/// Records in an answer, unless `limit` says otherwise.
const USUAL: usize = 20;

/// The answer of `/decisions`.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    policy: &'static str,
    decisions: Vec<Decision>,
}

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

impl Page {
    /// The last `limit` choices. As a query says it: `limit=N`, or nothing.
    pub(super) fn of(shared: &Shared, query: Option<&str>) -> Result<Self, String> {
        let limit = limit(query)?;
        Ok(Self {
            policy: shared.now().grid.selector().policy().name(),
            decisions: last(shared, limit),
        })
    }
}

/// The last `limit` choices, the newest first.
pub(super) fn last(shared: &Shared, limit: usize) -> Vec<Decision> {
    let decisions = shared.decisions.last(limit);
    decisions.iter().map(Decision::of).collect()
}

fn limit(query: Option<&str>) -> Result<usize, String> {
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return Ok(USUAL);
    };
    let number = query.strip_prefix("limit=").and_then(|n| n.parse().ok());
    number.ok_or_else(|| format!("the query {query:?} is not understood: write limit=N, a number"))
}

impl Decision {
    fn of(decision: &dispatch::Decision) -> Self {
        let grid = &*decision.grid;
        let candidates = decision.candidates();
        Self {
            unix_seconds: grid.clock().unix_seconds(decision.at),
            load: decision.load.units(),
            substation: name(grid, decision.chosen),
            reason: decision.reason.name(grid.selector().policy()).into(),
            margin: decision.margin,
            share: decision.share,
            candidates: candidates
                .map(|(stood, sampled_at)| Candidate {
                    substation: name(grid, stood.at),
                    sample: stood.value.map(Load::units),
                    sample_age_seconds: sampled_at
                        .map(|sampled_at| decision.at.since(sampled_at).as_secs_f64()),
                    unseen_load: stood.unseen.units(),
                    estimated_load: stood.estimate.units(),
                    capacity: stood.capacity.map(Load::units),
                    score: stood.score.is_finite().then_some(stood.score),
                })
                .collect(),
        }
    }
}

fn name(grid: &Grid, at: usize) -> String {
    let substation = grid.substations().get(at);
    substation.map_or_else(String::new, |substation| substation.name().to_owned())
}
