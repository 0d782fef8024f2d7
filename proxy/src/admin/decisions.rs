//! `GET /decisions`: the last choices as JSON, the newest first; `GET /decisions/{request_id}`: those of one request.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use switchyard_balance::Load;
use switchyard_bounded::Shown;
use switchyard_status::{Candidate, Decision};
use switchyard_wire::{Code, Failure};

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
    decisions.iter().map(|decision| shown(decision)).collect()
}

/// The answer of `/decisions/{request_id}`.
#[derive(Debug, Serialize)]
pub(super) struct OfRequest {
    request_id: String,
    decisions: Vec<Decision>,
}

impl OfRequest {
    /// The id in a path, if it is one of these.
    pub(super) fn id_in(path: &str) -> Option<Cow<'_, [u8]>> {
        let id = path.strip_prefix("/decisions/")?;
        (!id.is_empty()).then(|| percent_decode_str(id).into())
    }

    /// The choices for the request with this id, the first one first.
    pub(super) fn of(decisions: &Decisions, request_id: &[u8]) -> Result<Self, Failure> {
        let found = decisions.of(request_id);
        let id = String::from_utf8_lossy(request_id);
        if found.is_empty() {
            let shown = Shown::value(&*id);
            let message = format!(
                "no choice for the request \"{shown}\" is kept: the proxy keeps the last 256 of at most a hundred a second, and the last 1,024 of requests whose trace is sampled (tracing.sample, or a sampled traceparent); a request about a session has none, nor one that found no room"
            );
            return Err(Failure::new(Code::NotFound, message));
        }
        Ok(Self {
            request_id: id.into_owned(),
            decisions: found.iter().map(|decision| shown(decision)).collect(),
        })
    }
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
        request_id: decision.request_id.to_str().unwrap_or_default().to_owned(),
        trace_id: decision.trace_id.as_ref().map(ToString::to_string),
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
