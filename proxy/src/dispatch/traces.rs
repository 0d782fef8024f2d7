//! The trace of a request: whether there is one, and where it goes.
//!
//! A request that is not sampled has no trail on account of this, and its headers pass as they came. Of one that is, the
//! [trail](super::trail) keeps what happened, and [`spans`] tells it in OpenTelemetry's terms once the request has ended.

mod spans;

use std::{borrow::Cow, time::SystemTime};

use switchyard_http1::Head;
use switchyard_traces::Context;
use tokio::time::Instant;

use super::{
    Dispatcher,
    request::RequestContext,
    request_trace::{PARENT, RequestTrace, STATE},
    trail::{Ended, Trail},
};
use spans::Traced;

/// The longest path that a span says, in bytes.
const LONGEST_TEXT: usize = 256;

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
        Some(RequestTrace::new(context))
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
        metrics.traced(
            trail.route.as_deref(),
            (ended.outcome, ended.took),
            trace_id,
        );
        self.runtime.traces.take(Box::new(Traced {
            trail,
            ended,
            at: (Instant::now(), SystemTime::now()),
        }));
    }
}
