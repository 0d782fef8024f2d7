//! The trail of a request: what happened to it, noted while it is dispatched, for those that tell of it afterwards.
//!
//! Metrics count at once and need none of this. The access log has a line a request, and a line tells of the whole of it;
//! so what is known in one place (the load, the substation, how long it waited) is kept until the answer has been sent. A
//! request that no log and no trace asks for has no trail, and pays a branch for that: no allocation, and no further look
//! at the clock.

use std::{
    borrow::Cow,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::HeaderValue;
use switchyard_access_log::{Entry, Format};
use switchyard_balance::{Load, Reason};
use switchyard_grid::{Substation, UpstreamOutcome};
use switchyard_http1::Answer;
use switchyard_traces::{SpanId, TraceId};
use switchyard_upstream::{Progress, UpstreamError};
use switchyard_wire::{Detail, Failure, Outcome};
use tokio::time::Instant;

use super::{decisions::Decision, operation::Operation, request_trace::RequestTrace};
use crate::metrics::Waited;

/// What happened to one request.
#[derive(Debug)]
pub struct Trail {
    /// The form of its line in the access log, if it has one.
    pub logged_as: Option<Format>,
    /// The id of the request, its client's or a random one.
    pub request_id: TrailId,
    /// Empty if the request could not be read.
    pub method: Cow<'static, str>,
    /// The path as it was sent, without the query. Empty if the request could not be read.
    pub path: Cow<'static, str>,
    /// The version of HTTP.
    pub protocol: &'static str,
    /// Whether it came over TLS.
    pub is_tls: bool,
    /// The address of its client, behind the proxies in front that are trusted.
    pub remote: IpAddr,
    /// When its first byte arrived.
    pub started: Instant,
    /// When its last byte had arrived.
    pub arrived: Instant,
    /// The length of its body, as far as that was read.
    pub bytes_in: usize,
    /// The name of its client, if that has one.
    pub client: Option<Arc<str>>,
    /// The load of a charge.
    pub load: Option<Load>,
    /// Whether it has an `Idempotency-Key`, if its head could be read.
    pub has_key: Option<bool>,
    /// How it waited for room, in order.
    pub waits: Vec<TrailWait>,
    /// The substations that it was sent to, in order.
    pub attempts: Vec<TrailAttempt>,
    /// The code of the error answer, if the proxy itself made the answer.
    pub code: Option<&'static str>,
    /// The feeder or substation whose limit left no room.
    pub limit: Option<String>,
    /// The route that it is of, if it is one's.
    pub route: Option<Arc<str>>,
    /// Its trace, if that is sampled.
    pub trace: Option<RequestTrace>,
    /// The trace that its client says it belongs to, sampled or not.
    pub(super) trace_id: Option<TraceId>,
    /// What only some forms of the access log show.
    pub(super) referer: Option<Box<[u8]>>,
    pub(super) user_agent: Option<Box<[u8]>>,
}

/// The id of a request, kept beside it.
#[derive(Clone, Debug)]
pub enum TrailId {
    /// As the proxy makes it: copied, since to share it takes memory of its own.
    Usual([u8; 32]),
    /// Of another length.
    Other(HeaderValue),
}

impl TrailId {
    /// This id.
    pub(super) fn of(id: &HeaderValue) -> Self {
        let usual = id.as_bytes().try_into();
        usual.map_or_else(|_| Self::Other(id.clone()), Self::Usual)
    }

    /// Its text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Usual(id) => id,
            Self::Other(id) => id.as_bytes(),
        }
    }
}

/// A wait in line.
#[derive(Debug)]
pub struct TrailWait {
    /// When it began.
    pub began: Instant,
    /// How long it lasted.
    pub took: Duration,
    /// How it ended, as [`Waited`] names it.
    pub ended: &'static str,
}

/// An attempt at one substation.
#[derive(Debug)]
pub struct TrailAttempt {
    /// The substation.
    pub substation: Arc<Substation>,
    /// Why it was chosen; `None` if it holds the request's key or its session.
    pub reason: Option<Reason>,
    /// When it began.
    pub sent: Instant,
    /// How long it took.
    pub took: Duration,
    /// How it ended, as [`UpstreamOutcome`] names it.
    pub ended: &'static str,
    /// The status of the answer, if there is one.
    pub status: Option<u16>,
    /// Why there is no answer.
    pub error: Option<String>,
    /// How far the request got.
    pub progress: Progress,
    /// Why it was safe to ask another substation, if it was.
    pub safe_to_retry: Option<&'static str>,
    /// The choice with its candidates, if it was recorded for a trace.
    pub decision: Option<Arc<Decision>>,
    /// Its span, if the trace is sampled.
    pub span: Option<SpanId>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// The status of its answer.
    pub status: u16,
    /// What it counts as.
    pub outcome: Outcome,
    /// From its first byte to the last byte of its answer.
    pub took: Duration,
    /// The length of the answer's body, or zero if it could not be sent.
    pub bytes_out: usize,
}

impl Trail {
    /// The trace that it belongs to: the one that began here, or its client's.
    fn trace_id(&self) -> Option<TraceId> {
        let sampled = self.trace.as_ref();
        sampled
            .map(|trace| trace.context.trace_id)
            .or(self.trace_id)
    }

    /// What the access log tells of it.
    pub(super) fn entry(&self, ended: Ended) -> Entry<'_> {
        let known = |text: &'_ str| !text.is_empty();
        let last = self.attempts.last();
        Entry {
            time: SystemTime::now()
                .checked_sub(ended.took)
                .unwrap_or(SystemTime::UNIX_EPOCH),
            request_id: self.request_id.as_bytes(),
            trace_id: self.trace_id().map(|id| *id.bytes()),
            client: self.client.as_deref(),
            remote: self.remote,
            method: Some(&*self.method).filter(|text| known(text)),
            path: Some(&*self.path).filter(|text| known(text)),
            status: ended.status,
            code: self.code,
            outcome: ended.outcome.into(),
            substation: last.map(|attempt| attempt.substation.name()),
            limit: self.limit.as_deref(),
            load: self.load.map(Load::units),
            attempts: self.attempts.len(),
            has_key: self.has_key,
            took: ended.took,
            queued: self.waits.iter().map(|wait| wait.took).sum(),
            upstream: self.attempts.iter().map(|attempt| attempt.took).sum(),
            bytes_in: self.bytes_in,
            bytes_out: if self.method == "HEAD" {
                0
            } else {
                ended.bytes_out
            },
            protocol: self.protocol,
            is_tls: self.is_tls,
            referer: self.referer.as_deref(),
            user_agent: self.user_agent.as_deref(),
        }
    }

    /// Notes why the proxy refuses the request.
    pub(super) fn refused(&mut self, failure: &Failure) {
        self.code = Some(failure.code.name());
        if let Some(Detail::Limit(limit)) = failure.detail.as_deref() {
            self.limit = Some(limit.clone());
        }
    }

    /// Notes what the request asks for.
    pub(super) fn asks(&mut self, operation: &Operation<'_>) {
        if let Operation::Charge { charge, .. } = operation {
            self.load = Some(charge.load);
        }
    }

    /// Notes a wait that `began` then and ends now.
    pub(super) fn waited(&mut self, began: Instant, how: Waited) {
        self.waits.push(TrailWait {
            began,
            took: began.elapsed(),
            ended: how.into(),
        });
    }

    /// Notes an attempt that has just ended.
    pub(super) fn attempted(
        &mut self,
        substation: &Arc<Substation>,
        reason: Option<Reason>,
        (sent, took): (Instant, Duration),
        (result, progress): (&Result<Answer, UpstreamError>, Progress),
    ) {
        let (ended, status, error) = how_it_ended(result);
        let how = (ended, status, error, progress);
        self.attempted_as(substation, reason, (sent, took), how);
    }

    /// Notes an attempt that has just ended in this way: with the name of its end, the status of the answer, why there is
    /// none, and how far the request got.
    pub(super) fn attempted_as(
        &mut self,
        substation: &Arc<Substation>,
        reason: Option<Reason>,
        (sent, took): (Instant, Duration),
        (ended, status, error, progress): (&'static str, Option<u16>, Option<String>, Progress),
    ) {
        let trace = self.trace.as_mut().map(RequestTrace::end);
        let (span, decision) = trace.unwrap_or_default();
        if self.attempts.is_empty() {
            // Nearly every request is sent once.
            self.attempts.reserve_exact(1);
        }
        self.attempts.push(TrailAttempt {
            substation: Arc::clone(substation),
            reason,
            sent,
            took,
            ended,
            status,
            error,
            progress,
            safe_to_retry: None,
            decision,
            span,
        });
    }

    /// Notes that the last attempt has certainly booked nothing.
    pub(super) fn is_safe_to_retry(&mut self, why: &'static str) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.safe_to_retry = Some(why);
        }
    }
}

/// The name of the end of an exchange, the status of the answer, and why there is none.
fn how_it_ended(
    result: &Result<Answer, UpstreamError>,
) -> (&'static str, Option<u16>, Option<String>) {
    let (outcome, error) = match result {
        Ok(answer) => {
            let outcome = if matches!(answer.status, 503 | 429) {
                UpstreamOutcome::Refused
            } else {
                UpstreamOutcome::Ok
            };
            return (outcome.into(), Some(answer.status), None);
        }
        Err(UpstreamError::Connect(error)) => (UpstreamOutcome::Connect, error.to_string()),
        Err(UpstreamError::Lacking(shortage)) => (UpstreamOutcome::Shortage, shortage.to_string()),
        Err(UpstreamError::TooLarge(how)) => (UpstreamOutcome::Oversize, how.to_string()),
        // Nothing counts it: no substation could be sent this.
        Err(UpstreamError::Unencodable(how)) => return ("unfit", None, Some(how.to_string())),
        Err(UpstreamError::Lost(reason)) => (UpstreamOutcome::Reset, reason.clone()),
        Err(UpstreamError::Deadline) => (UpstreamOutcome::Timeout, "no answer in time".to_owned()),
    };
    (outcome.into(), None, Some(error))
}
