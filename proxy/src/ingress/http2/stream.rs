//! One request over HTTP/2, from its head to the last byte of its answer.

mod streaming;

use std::{future::poll_fn, pin::pin, sync::Arc};

use bytes::{Bytes, BytesMut};
use h2::{RecvStream, SendStream, server::SendResponse};
use http::{HeaderMap, Method, Request, header, request::Parts};
use switchyard_http1::{Head, RequestFault};
use switchyard_wire::{Code, Failure};
use tokio::time::Instant;

use super::{
    credit::Credit,
    head::{BodyRules, check},
    session::proceed,
    tasks::{IdleTasks, Serve},
    window::{OpenBody, Window},
};
use crate::{
    buffered::BufferShare,
    client_connection::{body_too_large, refusal, too_slow, unknown_expectation},
    client_watch::ClientWatch,
    deadline_timer::DeadlineTimer,
    dispatch::{Client, ReceivedRequest, Reply, RequestContext, Target, VIA_HTTP2},
    ingress::{Ingress, target},
    runtime::Runtime,
    snapshot::{RouteRule, Snapshot},
};

/// A request whose head has come.
pub(super) struct Received {
    head: Parts,
    body: RecvStream,
    answer: SendResponse<Bytes>,
    /// What is known of its body, or why the request can't be answered as it asks.
    checked: Result<BodyRules, RequestFault>,
    /// Its part of the connection's window, if its body may stay unread.
    open: Option<OpenBody>,
}

impl Received {
    /// Checks the head of a request, of at most `largest` bytes as in HTTP/1.1.
    pub(super) fn new(
        request: Request<RecvStream>,
        answer: SendResponse<Bytes>,
        largest: usize,
    ) -> Self {
        let (mut head, body) = request.into_parts();
        let checked = check(&mut head, largest);
        Self {
            head,
            body,
            answer,
            checked,
            open: None,
        }
    }

    /// Makes room in the connection's window for a body that may stay unread.
    pub(super) fn widen(&mut self, window: &Window, runtime: &Runtime) {
        self.open = window.open(runtime.buffer_share());
    }

    /// Whether HTTP/1.1 would refuse it.
    pub(super) fn is_malformed(&self) -> bool {
        self.checked.is_err()
    }
}

/// Answers the requests of one connection.
pub(super) struct Streams {
    ingress: Arc<Ingress>,
    client: Client,
    credit: Credit,
}

impl Streams {
    /// Answers the requests of `client`; those that stream earn `credit`.
    pub(super) fn new(ingress: Arc<Ingress>, client: Client, credit: Credit) -> Self {
        Self {
            ingress,
            client,
            credit,
        }
    }

    /// Whether the body of a request is still to come and may stay unread.
    pub(super) fn may_stay_unread(&self, request: &Received) -> bool {
        !request.body.is_end_stream() && stream_of(&self.runtime().now(), &request.head).is_some()
    }

    pub(super) fn runtime(&self) -> &Runtime {
        self.ingress.runtime()
    }

    /// What counts the tasks of this worker that wait.
    pub(super) fn idle_tasks(&self) -> Arc<IdleTasks> {
        Arc::clone(&self.ingress.idle_tasks)
    }
}

impl Serve for Streams {
    type Request = Received;

    /// Serves one request, or answers its fault. It goes on even if its connection ends: it may be booked already.
    async fn serve(&self, request: Received, timer: &mut Option<DeadlineTimer>) {
        let Received {
            head,
            mut body,
            mut answer,
            checked,
            open: _open,
        } = request;
        let runtime = self.runtime();
        let started = Instant::now();
        let snapshot = runtime.snapshot();
        let limit = started + snapshot.config.timeouts.client;
        let mut context = RequestContext {
            snapshot,
            started,
            arrived: started,
            client: &self.client,
            via: VIA_HTTP2,
            timer: timer.get_or_insert_with(|| DeadlineTimer::new(limit)),
            in_flight: runtime.in_flight.request(),
            share: self.client.request(),
            caller: None,
            quota: None,
            route: None,
            trail: None,
        };
        if let Ok(rules) = checked
            && let Some(rule) = stream_of(&context.snapshot, &head)
        {
            // Boxed, so that others do not hold the memory for it.
            let request = (head, body, rules);
            return Box::pin(self.stream(rule, request, answer, &mut context)).await;
        }
        let (method, path) = (head.method.as_str(), head.uri.path());
        let mut share = runtime.buffer_share();
        let read = match checked {
            Ok(rules) => {
                let body = (&mut body, rules);
                read_body(&head, body, &mut answer, &mut context, &mut share).await
            }
            // Its answer too may wait for the client.
            Err(fault) => context.within_limit().and(Err(refusal(fault))),
        };
        context.arrived = Instant::now();
        let (whole, target) = match read {
            Ok(whole) => (whole, target::of(&context.snapshot, method, path)),
            Err(failure) => (Bytes::new(), Err(failure)),
        };
        let request = ReceivedRequest {
            head: Some(Head::Parsed(&head.headers)),
            target,
            method,
            path,
            query: head.uri.query(),
            body: &whole,
        };
        let dispatcher = &self.ingress.dispatcher;
        let watch = ClientWatch::Http2(&mut answer);
        // Boxed, so that a request whose body is still awaited does not hold the memory for its answer.
        let respond = dispatcher.respond(&mut context, request, watch);
        let reply = Box::pin(respond).await;
        let is_head = head.method == Method::HEAD;
        let write = async |reply: Reply| send(reply, &mut answer, is_head).await.is_some();
        dispatcher.deliver(&mut context, reply, write).await;
    }
}

/// The route of a request that streams.
fn stream_of(snapshot: &Snapshot, head: &Parts) -> Option<Arc<RouteRule>> {
    snapshot.routes.as_ref()?;
    match target::of(snapshot, head.method.as_str(), head.uri.path()) {
        Ok(Target::Stream(rule)) => Some(rule),
        _ => None,
    }
}

/// Reads the whole body, unless the request is over the limit or may not be sent.
async fn read_body(
    head: &Parts,
    (body, rules): (&mut RecvStream, BodyRules),
    answer: &mut SendResponse<Bytes>,
    context: &mut RequestContext<'_>,
    share: &mut BufferShare,
) -> Result<Bytes, Failure> {
    context.admit(Head::Parsed(&head.headers))?;
    // A stream ends with its answer, so a body that no answer depends on is not read.
    target::of(&context.snapshot, head.method.as_str(), head.uri.path())?;
    if expects(&head.headers, rules)? && !body.is_end_stream() {
        proceed(answer);
    }
    let (most, limit, waiting) = {
        let config = &context.snapshot.config;
        let limits = &config.limits;
        (limits.body, config.timeouts.client, limits.requests)
    };
    if rules.declared.is_some_and(|length| length > most) {
        return Err(body_too_large(most));
    }
    let read = {
        let read = pin!(collect(body, most, share));
        let read = pin!(context.in_flight.on_client(waiting, read));
        context.timer.guard(context.started + limit, read).await
    };
    let read = read.unwrap_or_else(|_| Err(too_slow("body", limit)))?;
    // While the body came, others may have begun to work.
    context.within_limit()?;
    Ok(read)
}

/// Whether the client waits for the word that it may send its body. An error if it waits for something else.
fn expects(headers: &HeaderMap, rules: BodyRules) -> Result<bool, Failure> {
    if !rules.expects {
        return Ok(false);
    }
    let expected = headers.get_all(header::EXPECT).iter();
    let mut expected = expected
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|expected| !expected.is_empty())
        .peekable();
    let is_expecting = expected.peek().is_some();
    if expected.all(|expected| expected.eq_ignore_ascii_case(b"100-continue")) {
        Ok(is_expecting)
    } else {
        Err(unknown_expectation())
    }
}

/// The whole body, at most `limit` bytes.
async fn collect(
    body: &mut RecvStream,
    limit: usize,
    share: &mut BufferShare,
) -> Result<Bytes, Failure> {
    // Nearly every body arrives in one piece and needs no second buffer.
    let mut pieces = BytesMut::new();
    while let Some(piece) = body.data().await {
        let broken = |error: h2::Error| {
            let message = format!("the body broke off: {error}");
            Failure::new(Code::InvalidRequest, message)
        };
        let piece = piece.map_err(broken)?;
        body.flow_control()
            .release_capacity(piece.len())
            .map_err(broken)?;
        let length = pieces.len() + piece.len();
        if length > limit {
            return Err(body_too_large(limit));
        }
        share.hold(length)?;
        if pieces.is_empty() && body.is_end_stream() {
            return Ok(piece);
        }
        // A piece is a part of what was read, and would keep all of that in memory until the rest comes.
        pieces.extend_from_slice(&piece);
    }
    Ok(pieces.freeze())
}

/// Sends a reply as the client makes room for it. `None` if the client has gone.
async fn send(reply: Reply, answer: &mut SendResponse<Bytes>, is_head: bool) -> Option<()> {
    let (head, mut body) = reply.into_http2(is_head).ok()?;
    let mut stream: SendStream<Bytes> = answer.send_response(head, body.is_empty()).ok()?;
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let room = poll_fn(|context| stream.poll_capacity(context))
            .await?
            .ok()?;
        let piece = body.split_to(room.min(body.len()));
        stream.send_data(piece, body.is_empty()).ok()?;
    }
    Some(())
}
