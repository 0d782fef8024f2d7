//! The last choices as JSON, the newest first.

use serde::Serialize;
use switchyard_balance::Load;

use crate::{
    dispatch::{Decision, Shared},
    grid::Grid,
};

/// Records in an answer, unless `limit` says otherwise.
const USUAL: usize = 20;

/// The answer of `/decisions`.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    policy: &'static str,
    decisions: Vec<One>,
}

#[derive(Debug, Serialize)]
struct One {
    unix_seconds: f64,
    load: f64,
    substation: String,
    reason: &'static str,
    /// By how much the best score was below the next; null where there was no other.
    margin: Option<f64>,
    /// The share of the gauges that counted.
    share: f64,
    candidates: Vec<Candidate>,
}

#[derive(Debug, Serialize)]
struct Candidate {
    substation: String,
    sample: Option<f64>,
    sample_age_seconds: Option<f64>,
    unseen_load: f64,
    estimated_load: f64,
    capacity: Option<f64>,
    /// Null for one that the policy compared with nobody.
    score: Option<f64>,
}

impl Page {
    /// The last `limit` choices. As a query says it: `limit=N`, or nothing.
    pub(super) fn of(shared: &Shared, query: Option<&str>) -> Result<Self, String> {
        let grid = &shared.grid;
        let limit = limit(query)?;
        let decisions = shared.decisions.last(limit);
        Ok(Self {
            policy: grid.selector().policy().name(),
            decisions: decisions.iter().map(|one| One::of(grid, one)).collect(),
        })
    }
}

fn limit(query: Option<&str>) -> Result<usize, String> {
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return Ok(USUAL);
    };
    let number = query.strip_prefix("limit=").and_then(|n| n.parse().ok());
    number.ok_or_else(|| format!("the query {query:?} is not understood: write limit=N, a number"))
}

impl One {
    fn of(grid: &Grid, decision: &Decision) -> Self {
        let candidates = decision.candidates();
        Self {
            unix_seconds: grid.clock().unix_seconds(decision.at),
            load: decision.load.units(),
            substation: name(grid, decision.chosen),
            reason: decision.reason.name(grid.selector().policy()),
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
