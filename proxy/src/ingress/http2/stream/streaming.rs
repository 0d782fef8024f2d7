//! A request whose route streams: it is handed over before its body is read.

use std::{future::poll_fn, pin::pin, sync::Arc};

use bytes::Bytes;
use h2::{RecvStream, server::SendResponse};
use http::{HeaderValue, Method, header, request::Parts};
use switchyard_http1::Head;
use switchyard_wire::Failure;
use tokio::time::Instant;

use super::{Streams, expects, send};
use crate::{
    client_connection::too_slow,
    client_watch::ClientWatch,
    dispatch::{ReceivedRequest, Reply, RequestContext, Target},
    ingress::http2::{
        head::BodyRules,
        session::{Answer, Http2Client, RequestBody, proceed},
    },
    snapshot::RouteRule,
    stream_client::LEAST_KEPT,
};

impl Streams {
    /// Serves a request of a route that streams.
    pub(super) async fn stream(
        &self,
        rule: Arc<RouteRule>,
        (mut head, body, rules): (Parts, RecvStream, BodyRules),
        mut answer: SendResponse<Bytes>,
        context: &mut RequestContext<'_>,
    ) {
        name_host(&mut head);
        let most = context.snapshot.config.limits.body.max(LEAST_KEPT);
        let kept = (most, self.runtime().buffer_share());
        let mut body = RequestBody::new((body, rules.declared), kept, self.credit.clone());
        let admitted = context
            .admit(Head::Parsed(&head.headers))
            .and_then(|()| expects(&head.headers, rules));
        let read = match admitted {
            Err(failure) => Err(failure),
            Ok(is_expected) if rule.reads_body() => {
                if is_expected && !body.is_done() {
                    proceed(&mut answer);
                }
                read_ahead(&mut body, context).await
            }
            Ok(is_expected) => {
                body.waits_for_word(is_expected);
                Ok(None)
            }
        };
        context.arrived = Instant::now();
        let (target, whole) = match read {
            Ok(whole) => (Ok(Target::Stream(rule)), whole.unwrap_or_default()),
            Err(failure) => (Err(failure), Bytes::new()),
        };
        let request = ReceivedRequest {
            head: Some(Head::Parsed(&head.headers)),
            target,
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query(),
            body: &whole,
        };
        let mut client = Http2Client::new(body, Answer::new(answer, self.credit.clone()));
        let dispatcher = &self.ingress.dispatcher;
        let watch = ClientWatch::Stream(&mut client);
        let reply = dispatcher.respond(context, request, watch).await;
        let is_head = head.method == Method::HEAD;
        let write = async |reply: Reply| match client.into_unsent() {
            Some(mut answer) => send(reply, &mut answer, is_head).await.is_some(),
            None => false,
        };
        dispatcher.deliver(context, reply, write).await;
    }
}

/// Says in `Host` what `:authority` says: the substation gets it so.
fn name_host(head: &mut Parts) {
    if !head.headers.contains_key(header::HOST)
        && let Some(authority) = head.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        head.headers.insert(header::HOST, host);
    }
}

/// Reads the body as far as may be kept, since something in it decides where it goes. Returns it if it has ended by then.
async fn read_ahead(
    body: &mut RequestBody,
    context: &mut RequestContext<'_>,
) -> Result<Option<Bytes>, Failure> {
    let (limit, waiting) = {
        let config = &context.snapshot.config;
        (config.timeouts.client, config.limits.requests)
    };
    let read = {
        let read = pin!(poll_fn(|waker| body.poll_ahead(waker)));
        let read = pin!(context.in_flight.on_client(waiting, read));
        context.timer.guard(context.started + limit, read).await
    };
    read.unwrap_or_else(|_| Err(too_slow("body", limit)))?;
    // While the body came, others may have begun to work.
    context.within_limit()?;
    Ok(body.is_done().then(|| body.kept().unwrap_or_default()))
}
