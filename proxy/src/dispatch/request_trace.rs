//! What is kept of a request that is sampled while it is dispatched, and what the substation is told of its trace.

use std::sync::Arc;

use switchyard_traces::{Context, SpanId};

use super::decisions::Decision;

/// The header that names a request's trace and the span that caused it.
pub(super) const PARENT: &str = "traceparent";
/// The header with what other tracing systems say of the trace.
pub(super) const STATE: &str = "tracestate";

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
    /// Before the first attempt.
    pub(super) fn new(context: Context) -> Self {
        Self {
            context,
            attempt: None,
            decision: None,
        }
    }

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
