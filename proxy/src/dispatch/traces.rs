//! The trace of a request: whether there is one, and what the substation is told of it.
//!
//! A request that is not sampled has no trail on account of this, and its headers pass as they came. Of one that is, the
//! [trail](super::trail) keeps what happened, and [`spans`] tells it in OpenTelemetry's terms once the request has ended.

mod spans;

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use switchyard_http1::Head;
use switchyard_traces::{Context, SpanId};
use tokio::time::Instant;

use super::{
    Dispatcher,
    decisions::Decision,
    request::RequestContext,
    trail::{Ended, Trail},
};
use spans::Traced;

/// The header that names a request's trace and the span that caused it.
const PARENT: &str = "traceparent";
/// The header with what other tracing systems say of the trace.
const STATE: &str = "tracestate";

/// The longest path that a span says, in bytes.
const LONGEST_TEXT: usize = 256;

/// What is kept of a request that is sampled.
#[derive(Debug)]
pub struct RequestTrace {
    /// The trace, and the span of the request.
    pub context: Context,
    /// The span of the attempt under way.
    attempt: Option<SpanId>,
    /// The choice that led to it.
    decision: Option<Arc<Decision>>,
}

/// The headers that a substation gets in place of the client's.
#[derive(Debug)]
pub(super) struct TraceHeaders {
    parent: String,
    /// Whether a `tracestate` of the client belongs to another trace.
    is_new: bool,
}

impl RequestTrace {
    /// Begins an attempt that this choice led to. `bits` are random.
    pub(super) fn begin(&mut self, decision: Option<Arc<Decision>>, bits: u64) -> TraceHeaders {
        let span = SpanId::of(bits);
        self.attempt = Some(span);
        self.decision = decision;
        TraceHeaders {
            parent: self.context.header(span),
            is_new: self.context.is_new(),
        }
    }

    /// What is to be kept of the attempt that has just ended.
    pub(super) fn end(&mut self) -> (Option<SpanId>, Option<Arc<Decision>>) {
        (self.attempt.take(), self.decision.take())
    }
}

impl TraceHeaders {
    /// Their names and values. Without a value, the client's is left out.
    pub(super) fn fields(&self) -> [(&str, &[u8]); 2] {
        let state = if self.is_new { STATE } else { "" };
        [(PARENT, self.parent.as_bytes()), (state, b"")]
    }
}

/// Cuts a text to the length that a span says.
fn shorten(text: &mut Cow<'static, str>) {
    if text.len() > LONGEST_TEXT {
        let text = text.to_mut();
        text.truncate(text.floor_char_boundary(LONGEST_TEXT));
        text.shrink_to_fit();
    }
}

impl Dispatcher {
    /// The trace of a request, if it is sampled.
    pub(super) fn sample(
        &self,
        context: &RequestContext<'_>,
        head: Option<Head<'_>>,
    ) -> Option<RequestTrace> {
        let tracing = context.snapshot.config.tracing.as_ref()?;
        let head = head?;
        let random = || self.random(|rng| rng.u128(..));
        let (parents, states) = (head.all(PARENT), head.all(STATE));
        let context = Context::sample(parents, states, tracing.sample, random)?;
        Some(RequestTrace {
            context,
            attempt: None,
            decision: None,
        })
    }

    /// Gives the trace of a request that has ended to the exporter.
    pub(super) fn export(&self, mut trail: Box<Trail>, ended: Ended) {
        let Some(trace) = &trail.trace else {
            return;
        };
        let trace_id = trace.context.trace_id.to_string();
        // What waits for the collector must not be as long as clients like.
        shorten(&mut trail.path);
        shorten(&mut trail.method);
        let metrics = &self.runtime.metrics.requests;
        metrics.traced(ended.outcome, ended.took, trace_id);
        self.runtime.traces.take(Box::new(Traced {
            trail,
            ended,
            at: (Instant::now(), SystemTime::now()),
        }));
    }
}
