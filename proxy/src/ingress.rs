//! A client's connection, until it is known which protocol it speaks.
//!
//! Whoever connects is counted first: a handshake costs more than fifty charges, and one that is begun and never
//! finished holds a socket as well as any request does. All that comes before the first request, handshakes
//! included, has the time that a first request's head has (`timeouts.client`).
//!
//! With TLS the client chooses its protocol in the handshake (ALPN). Without, it is HTTP/1.1, or where
//! `http2.cleartext` allows it what its first bytes say.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pingora_core::{
    apps::ServerApp,
    protocols::{Stream, http::ServerSession, l4::stream::Stream as Plain},
    server::ShutdownWatch,
};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use switchyard_tls::{Certificates, Handshake};

use crate::{dispatch::Dispatcher, runtime::Runtime};

mod body;
mod fast_path;
mod http1;
mod http2;
mod target;

/// How long a connection that is turned away may take to read why.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// The application of one worker thread: Pingora hands it every connection.
#[derive(Debug)]
pub struct Ingress {
    dispatcher: Dispatcher,
}

impl Ingress {
    /// An ingress whose requests `dispatcher` answers.
    #[must_use]
    pub fn new(dispatcher: Dispatcher) -> Self {
        Self { dispatcher }
    }

    fn runtime(&self) -> &Runtime {
        self.dispatcher.runtime()
    }
}

/// What a connection speaks.
enum Protocol {
    Http1,
    Http2,
}

#[async_trait]
impl ServerApp for Ingress {
    async fn process_new(self: &Arc<Self>, stream: Stream, stop: &ShutdownWatch) -> Option<Stream> {
        let runtime = self.runtime();
        let now = runtime.now();
        let (limits, longest) = (&now.config.limits, now.config.timeouts.client);
        let needs_detection = now.config.tls.is_some() || now.config.http2.cleartext;
        let open = runtime.in_flight.connection(limits.connections);
        // What is in force now is not what will be by the end of the connection.
        drop(now);
        let Some(_open) = open else {
            Box::pin(self.turn_away(stream)).await;
            return None;
        };
        let started = Instant::now();
        let (stream, protocol) = if needs_detection {
            // On the heap, and gone before the first request.
            Box::pin(self.detect_protocol(stream, started + longest)).await?
        } else {
            (stream, Protocol::Http1)
        };
        match protocol {
            Protocol::Http1 => self.http1(stream, started).await?,
            Protocol::Http2 => Box::pin(http2::serve(self, stream, started, stop)).await?,
        }
        None
    }
}

impl Ingress {
    /// Tells a connection over the limit to come back later. With TLS it is only closed: what is too much must not cost a
    /// handshake.
    async fn turn_away(&self, stream: Stream) {
        self.runtime().metrics.requests.connections_refused.inc();
        let reply = self.dispatcher.turn_away();
        if self.runtime().now().config.tls.is_some() {
            return;
        }
        let mut session = ServerSession::new_http1(stream);
        // A client that does not even read this is not waited for.
        let _ = timeout(CLOSE_GRACE, reply.send(&mut session)).await;
        session.shutdown().await;
    }

    /// Finds out what the connection speaks, after a handshake if there is TLS. `None` where it can't be spoken to.
    async fn detect_protocol(
        &self,
        stream: Stream,
        deadline: Instant,
    ) -> Option<(Stream, Protocol)> {
        // Our listeners are of TCP, so it is always one of these.
        let mut plain: Box<Plain> = stream.into_any().downcast().ok()?;
        if let Some(certificates) = self.runtime().credentials.certificates() {
            return self.handshake(certificates, *plain, deadline).await;
        }
        let has_preface = timeout_at(deadline, http2::has_preface(&mut plain)).await;
        let protocol = match has_preface {
            Ok(Ok(true)) => Protocol::Http2,
            // Whatever it was, HTTP/1.1 has an answer to it: the bytes are still there.
            _ => Protocol::Http1,
        };
        Some((plain, protocol))
    }

    async fn handshake(
        &self,
        certificates: &Certificates,
        stream: Plain,
        deadline: Instant,
    ) -> Option<(Stream, Protocol)> {
        let shaken = timeout_at(deadline, certificates.handshake(stream)).await;
        let handshakes = &self.runtime().metrics.tls;
        match shaken {
            Ok(Ok(stream)) => {
                handshakes.ended(Handshake::Done);
                let protocol = if stream.is_http2() {
                    Protocol::Http2
                } else {
                    Protocol::Http1
                };
                Some((Box::new(stream), protocol))
            }
            Ok(Err(error)) => {
                handshakes.ended(Handshake::Failed);
                debug!(%error, "No TLS with this client");
                None
            }
            Err(_) => {
                handshakes.ended(Handshake::TooSlow);
                None
            }
        }
    }
}
