//! A client's connection, until its protocol is known.
//!
//! A connection is counted before its handshake: a handshake costs more than fifty charges, and one that never
//! finishes holds a socket as a request does. Everything before the first request, including the handshake, shares
//! the deadline of the first request's head (`timeouts.client`).
//!
//! With TLS the client chooses its protocol in the handshake (ALPN). Without TLS it is HTTP/1.1, or, where
//! `http2.cleartext` allows HTTP/2, the protocol that the first bytes announce.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use pingora_core::{
    apps::ServerApp,
    protocols::{Stream, l4::stream::Stream as Plain},
    server::ShutdownWatch,
};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use switchyard_config as config;
use switchyard_http1::RequestLimits;
use switchyard_tls::{Certificates, Handshake};

use crate::{
    client_connection::{CLOSE_GRACE, ClientConnection, peer},
    dispatch::{Client, Dispatcher, is_trusted},
    metrics::Share,
    runtime::Runtime,
};

mod fast_path;
mod http1;
mod http2;
mod target;

/// What `limits` allows a request of a client.
const fn request_limits(limits: &config::Limits) -> RequestLimits {
    RequestLimits {
        head: limits.head,
        body: limits.body,
    }
}

/// The Pingora application of one worker thread: it gets every accepted connection.
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

/// The protocol of a connection.
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
        let address = peer(&stream);
        let most = if is_trusted(&now.config.forwarded, address) {
            usize::MAX
        } else {
            limits.client.connections
        };
        let share = runtime.clients.connection(address, most);
        let is_tls = now.config.tls.is_some();
        // Not kept for the life of the connection: a reload may replace it.
        drop(now);
        let (_open, share) = match (open, share) {
            (Some(open), Some(share)) => (open, share),
            (None, _) => return Box::pin(self.turn_away(stream, None)).await,
            (_, None) => return Box::pin(self.turn_away(stream, Some(address))).await,
        };
        let client = Client::new(address, is_tls, share);
        let started = Instant::now();
        let (stream, protocol) = if needs_detection {
            // Boxed, and freed before the first request.
            Box::pin(self.detect_protocol(stream, started + longest)).await?
        } else {
            (stream, Protocol::Http1)
        };
        match protocol {
            Protocol::Http1 => self.http1(stream, client, started).await?,
            Protocol::Http2 => Box::pin(http2::serve(self, stream, client, started, stop)).await?,
        }
        None
    }
}

impl Ingress {
    /// Answers a connection over the limit of all, or of its address, and closes it. With TLS it only closes it: a
    /// connection over a limit must not cost a handshake.
    async fn turn_away(&self, stream: Stream, client: Option<IpAddr>) -> Option<Stream> {
        let metrics = &self.runtime().metrics.requests;
        match client {
            None => &metrics.connections_refused,
            Some(_) => &metrics.clients_limited[Share::Connections],
        }
        .inc();
        let reply = self.dispatcher.turn_away(client);
        if self.runtime().now().config.tls.is_some() {
            return None;
        }
        let mut connection = ClientConnection::new(stream, self.runtime().buffer_share());
        // Does not wait for a client that does not read this.
        let _ = timeout(CLOSE_GRACE, connection.send(&reply.to_wire(false))).await;
        connection.close().await;
        None
    }

    /// Detects the protocol of the connection, after the handshake if TLS is configured. `None` if either fails.
    async fn detect_protocol(
        &self,
        stream: Stream,
        deadline: Instant,
    ) -> Option<(Stream, Protocol)> {
        // All listeners are TCP, so this always succeeds.
        let mut plain: Box<Plain> = stream.into_any().downcast().ok()?;
        if let Some(certificates) = self.runtime().credentials.certificates() {
            return self.handshake(certificates, *plain, deadline).await;
        }
        let has_preface = timeout_at(deadline, http2::has_preface(&mut plain)).await;
        let protocol = match has_preface {
            Ok(Ok(true)) => Protocol::Http2,
            // Everything else gets an answer over HTTP/1.1: the bytes can be read again.
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
                debug!(%error, "TLS handshake failed");
                None
            }
            Err(_) => {
                handshakes.ended(Handshake::TooSlow);
                None
            }
        }
    }
}
