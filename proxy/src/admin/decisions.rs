//! `GET /decisions`: the last choices as JSON, the newest first.

use serde::Serialize;
use switchyard_balance::Load;
use switchyard_status::{Candidate, Decision};

use crate::{
    dispatch::{self, Decisions},
    runtime::Runtime,
};

/// How many choices an answer has, unless `limit` says otherwise.
const USUAL: usize = 20;

/// The answer of `/decisions`.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    policy: &'static str,
    decisions: Vec<Decision>,
}

impl Page {
    /// The last choices, as many as the query asks for: `limit=N`, or nothing. Fails for any other
    /// query.
    pub(super) fn of(
        runtime: &Runtime,
        decisions: &Decisions,
        query: Option<&str>,
    ) -> Result<Self, String> {
        let limit = limit(query)?;
        Ok(Self {
            policy: runtime.now().grid.selector().policy().name(),
            decisions: last(decisions, limit),
        })
    }
}

/// The last `limit` choices, the newest first.
pub(super) fn last(decisions: &Decisions, limit: usize) -> Vec<Decision> {
    let decisions = decisions.last(limit);
    decisions.iter().map(shown).collect()
}

fn limit(query: Option<&str>) -> Result<usize, String> {
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return Ok(USUAL);
    };
    let number = query.strip_prefix("limit=").and_then(|n| n.parse().ok());
    number.ok_or_else(|| format!("unknown query {query:?}: write limit=N with a number"))
}

fn shown(decision: &dispatch::Decision) -> Decision {
    let candidates = decision.candidates().zip(decision.bindings());
    let selection = decision.selection();
    Decision {
        unix_seconds: decision.clock.unix_seconds(decision.at),
        load: decision.load.units(),
        substation: decision.chosen.to_string(),
        reason: decision.reason.name(decision.policy).into(),
        margin: decision.margin,
        share: decision.share,
        selection: selection
            .map(|(label, value)| (label.to_owned(), value.to_owned()))
            .collect(),
        candidates: candidates
            .map(|((stood, name, sampled_at), binding)| Candidate {
                substation: name.to_owned(),
                sample: stood.value.map(Load::units),
                sample_age_seconds: sampled_at
                    .map(|sampled_at| decision.at.since(sampled_at).as_secs_f64()),
                unseen_load: stood.unseen.units(),
                estimated_load: stood.estimate.units(),
                capacity: stood.capacity.map(Load::units),
                score: stood.score.is_finite().then_some(stood.score),
                binding: binding.map(str::to_owned),
            })
            .collect(),
    }
}
