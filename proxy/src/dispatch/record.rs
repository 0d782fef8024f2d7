//! Begins the trail of a request, and gives it to those that tell of it: the access log and traces.

use std::{borrow::Cow, sync::Arc};

use fastrand::Rng;
use http::HeaderValue;
use switchyard_access_log::Format;
use switchyard_config::AccessLog;
use switchyard_http1::Head;
use switchyard_traces::{TraceId, TraceParent};
use switchyard_wire::names::{ASSIGN_SUBSTATION, IDEMPOTENCY_KEY, REQUEST_CHARGE};

use super::{
    Dispatcher,
    origin::{VIA_HTTP1_0, VIA_HTTP2},
    request::{ReceivedRequest, RequestContext},
    request_trace::PARENT,
    trail::{Ended, Trail, TrailId},
};
use crate::access_log;

impl Dispatcher {
    /// The trail of a request, if the access log is to have a line of it or its trace is sampled. The sample of the log
    /// takes errors like any other request: what is counted in the log, divided by the sample, is what there was.
    pub(super) fn begin_trail(
        &self,
        context: &RequestContext<'_>,
        received: &ReceivedRequest<'_>,
        request_id: &HeaderValue,
    ) -> Option<Box<Trail>> {
        let log = context.snapshot.config.access_log.as_ref();
        let is_logged = |log: &&AccessLog| log.sample >= 1.0 || self.random(Rng::f64) < log.sample;
        let logged_as = log.filter(is_logged).map(access_log::format);
        let trace = self.sample(context, received.head);
        (logged_as.is_some() || trace.is_some()).then(|| {
            let trail = begin(context, received, request_id, logged_as);
            Box::new(Trail { trace, ..trail })
        })
    }

    /// Gives the trail of a request that has ended to those that tell of it.
    pub(super) fn finish_trail(&self, trail: Box<Trail>, ended: Ended) {
        if let Some(format) = trail.logged_as {
            self.lines.write(format, &trail.entry(ended));
        }
        self.export(trail, ended);
    }
}

fn begin(
    context: &RequestContext<'_>,
    received: &ReceivedRequest<'_>,
    request_id: &HeaderValue,
    logged_as: Option<Format>,
) -> Trail {
    let ReceivedRequest {
        head,
        method,
        path,
        body,
        ..
    } = *received;
    let client = context.client;
    let noted = head.map(|head| Noted::of(head, logged_as.is_some()));
    let shown = |name| {
        let head = head.filter(|_| logged_as == Some(Format::Combined))?;
        head.all(name).next().map(Box::from)
    };
    Trail {
        logged_as,
        request_id: TrailId::of(request_id),
        method: kept(method, &["POST", "GET", "DELETE"]),
        path: kept(path, &[REQUEST_CHARGE, ASSIGN_SUBSTATION]),
        protocol: match context.via {
            VIA_HTTP2 => "HTTP/2.0",
            VIA_HTTP1_0 => "HTTP/1.0",
            _ => "HTTP/1.1",
        },
        is_tls: client.is_tls(),
        remote: client.remote(&context.snapshot.config.forwarded, head),
        started: context.started,
        arrived: context.arrived,
        bytes_in: body.len(),
        client: context
            .caller
            .as_ref()
            .map(|client| Arc::clone(client.name())),
        load: None,
        has_key: noted.map(|noted| noted.has_key),
        waits: Vec::new(),
        attempts: Vec::new(),
        code: None,
        limit: None,
        route: None,
        trace: None,
        trace_id: noted.and_then(|noted| noted.trace_id),
        referer: shown("referer"),
        user_agent: shown("user-agent"),
    }
}

/// What a line tells of the headers.
#[derive(Clone, Copy)]
struct Noted {
    has_key: bool,
    /// The trace that the client says the request belongs to.
    trace_id: Option<TraceId>,
}

impl Noted {
    /// Looks at each header once: nearly all have another length than those that count.
    fn of(head: Head<'_>, is_logged: bool) -> Self {
        let (mut has_key, mut parents) = (false, [None, None]);
        for (name, value) in head.fields() {
            if name.len() == IDEMPOTENCY_KEY.len() {
                has_key |= name.eq_ignore_ascii_case(IDEMPOTENCY_KEY.as_bytes());
            } else if name.len() == PARENT.len() && name.eq_ignore_ascii_case(PARENT.as_bytes()) {
                let [first, second] = &mut parents;
                *(if first.is_none() { first } else { second }) = Some(value);
            }
        }
        let parent = TraceParent::of(parents.into_iter().flatten());
        Self {
            has_key,
            trace_id: parent.filter(|_| is_logged).map(|parent| parent.trace_id),
        }
    }
}

/// The text, which outlives the request. What most requests have is not copied.
fn kept(text: &str, usual: &[&'static str]) -> Cow<'static, str> {
    let known = usual.iter().find(|usual| **usual == text);
    known.map_or_else(
        || Cow::Owned(text.to_owned()),
        |known| Cow::Borrowed(*known),
    )
}
