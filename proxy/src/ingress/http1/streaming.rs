//! A request over HTTP/1.1 that streams: its connection is lent to the dispatcher until the request is answered.

use std::{pin::pin, sync::Arc};

use bytes::Bytes;
use switchyard_http1::IncomingRequest;
use switchyard_wire::Failure;
use tokio::time::Instant;

use crate::{
    client_connection::{ClientConnection, too_slow},
    client_watch::ClientWatch,
    dispatch::{ReceivedRequest, Reply, RequestContext, Target},
    ingress::{Ingress, target},
    snapshot::RouteRule,
    stream_client::LEAST_KEPT,
    streams::Http1Client,
};

/// The route of a request that streams.
pub(super) fn route_of(
    connection: &ClientConnection,
    head: &IncomingRequest,
    context: &RequestContext<'_>,
) -> Option<Arc<RouteRule>> {
    context.snapshot.routes.as_ref()?;
    let received = connection.received();
    let (method, path) = (head.method(received), head.path(received));
    match target::of(&context.snapshot, method, path) {
        Ok(Target::Stream(rule)) => Some(rule),
        _ => None,
    }
}

impl Ingress {
    /// Serves a request that streams, whose head has arrived. `None` if the connection ends with it.
    pub(super) async fn stream(
        &self,
        connection: &mut ClientConnection,
        head: &IncomingRequest,
        context: &mut RequestContext<'_>,
        rule: Arc<RouteRule>,
    ) -> Option<()> {
        let in_flight = &self.runtime().in_flight;
        let (kept, largest) = {
            let limits = &context.snapshot.config.limits;
            (limits.body.max(LEAST_KEPT), limits.head)
        };
        let received = connection.take(head.length());
        let of = (head, &*received);
        let mut client = Http1Client::new(connection, of, in_flight, (kept, largest));
        let read = if rule.reads_body() {
            self.read_ahead(&mut client, context).await
        } else {
            Ok(None)
        };
        context.arrived = Instant::now();
        let (target, body) = match read {
            Ok(body) => (Ok(Target::Stream(rule)), body.unwrap_or_default()),
            Err(failure) => (Err(failure.closing()), Bytes::new()),
        };
        let request = ReceivedRequest {
            head: Some(head.head(&received)),
            target,
            method: head.method(&received),
            path: head.path(&received),
            query: head.query(&received),
            body: &body,
        };
        let watch = ClientWatch::Stream(&mut client);
        let respond = self.dispatcher.respond(context, request, watch);
        let mut reply = Box::pin(respond).await;
        let has_ended = client.is_read();
        let unsent = client.take_unsent();
        let goes_on = client.finish(connection);
        reply.closes |= head.closes() || !goes_on;
        let (closes, is_cut) = (reply.closes, reply.is_cut());
        let is_head = head.method(&received) == "HEAD";
        let write = async |reply: Reply| {
            let reply = [&*unsent, &*reply.to_wire(is_head)].concat();
            connection.send(&reply).await.is_ok()
        };
        // Boxed, so that an open stream does not reserve memory for this.
        Box::pin(self.dispatcher.deliver(context, reply, write)).await?;
        if !closes {
            return Some(());
        }
        if has_ended || is_cut {
            connection.close().await;
        } else {
            // The end waits for it: the answer may still be on its way.
            let _graceful = in_flight.graceful();
            connection.close_unread().await;
        }
        None
    }

    /// Reads the body of a request that streams as far as may be kept, since something in it decides where it goes.
    async fn read_ahead(
        &self,
        client: &mut Http1Client,
        context: &mut RequestContext<'_>,
    ) -> Result<Option<Bytes>, Failure> {
        let (limit, waiting) = {
            let config = &context.snapshot.config;
            (config.timeouts.client, config.limits.requests)
        };
        let read = {
            let read = pin!(client.read_ahead());
            let read = pin!(context.in_flight.on_client(waiting, read));
            context.timer.guard(context.started + limit, read).await
        };
        let body = read.unwrap_or_else(|_| Err(too_slow("body", limit)))?;
        // While the body came, others may have begun to work.
        context.within_limit()?;
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Dispatcher;

    fn size_of_four<A, B, C, D, F>(_: impl Fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    fn size_of_five<A, B, C, D, E, F>(_: impl Fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    fn size_of_six<A, B, C, D, E, G, F>(_: impl Fn(A, B, C, D, E, G) -> F) -> usize {
        size_of::<F>()
    }

    /// These futures live as long as a request streams, which a WebSocket does for hours. What is larger and passes, as a TLS
    /// handshake does, belongs into a boxed future.
    #[test]
    fn an_open_stream_takes_a_few_kilobytes() {
        for (size, most) in [
            (size_of_six(Ingress::request), 2304),
            (size_of_five(Ingress::stream), 832),
            (size_of_four(Dispatcher::respond), 5632),
        ] {
            assert!(size <= most, "{size} bytes, {most} at most");
        }
    }
}
