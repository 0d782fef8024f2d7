//! A client's connection, until its protocol is known.
//!
//! A connection is counted before its handshake: a handshake costs more than fifty charges, and one that never
//! finishes holds a socket as a request does. Everything before the first request, including the handshake, shares
//! the deadline of the first request's head (`timeouts.client`).
//!
//! Behind a balancer that sends PROXY headers (`listen_proxy_protocol`), whose connection it is is known only once the header
//! has been read. Until then the connection counts in `limits.connections`, and in no client's share.
//!
//! With TLS the client chooses its protocol in the handshake (ALPN). Without TLS it is HTTP/1.1, or, where
//! `http2.cleartext` allows HTTP/2, the protocol that the first bytes announce.
//!
//! Most connections have no request most of the time, and one that has sent nothing yet may never send anything. Such a
//! connection is *parked*: a task of half a KiB that waits for its socket, and the socket's registration. So whatever is
//! large (handshake, HTTP/2, a request) is a boxed future that lives only while it runs, and nothing that it needs is kept
//! here. A test bounds the size of the task.

use std::{future::Future, net::IpAddr, pin::pin, sync::Arc};

use pingora_core::{protocols::Stream, server::ShutdownWatch};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tracing::debug;

use switchyard_clients::CertificateNames;
use switchyard_config as config;
use switchyard_http1::RequestLimits;
use switchyard_tls::Handshake;

use crate::{
    client_connection::{CLOSE_GRACE, ClientConnection},
    deadline_timer::DeadlineTimer,
    dispatch::{Client, Dispatcher, is_trusted},
    in_flight::ConnectionGuard,
    metrics::Share,
    runtime::Runtime,
};

mod fast_path;
mod http1;
mod http2;
mod proxy_protocol;
mod target;

/// What `limits` allows a request of a client.
const fn request_limits(limits: &config::Limits) -> RequestLimits {
    RequestLimits {
        head: limits.head,
        body: limits.body,
    }
}

/// What serves the connections of one worker thread.
#[derive(Debug)]
pub struct Ingress {
    dispatcher: Dispatcher,
    stop: ShutdownWatch,
    idle_tasks: Arc<http2::IdleTasks>,
}

/// The protocol of a connection.
enum Protocol {
    Http1,
    Http2,
}

/// How the protocol of a connection is found.
#[derive(Clone, Copy)]
enum Detection {
    /// It is HTTP/1.1.
    None,
    /// By the first bytes.
    Opening,
    /// In a TLS handshake.
    Handshake,
}

impl Ingress {
    /// An ingress whose requests `dispatcher` answers, until `stop` turns true.
    #[must_use]
    pub fn new(dispatcher: Dispatcher, stop: ShutdownWatch) -> Self {
        Self {
            dispatcher,
            stop,
            idle_tasks: Arc::default(),
        }
    }

    fn runtime(&self) -> &Runtime {
        self.dispatcher.runtime()
    }

    /// Counts a connection that was accepted from `peer`, and spawns the task that serves it to its end.
    pub fn accept(self: &Arc<Self>, socket: TcpStream, peer: IpAddr) {
        let runtime = self.runtime();
        let now = runtime.now();
        let connection = ClientConnection::new(socket, runtime.buffer_share());
        let open = runtime.in_flight.connection(now.config.limits.connections);
        let started = Instant::now();
        let Some(open) = open else {
            tokio::spawn(Arc::clone(self).turn_away(connection, None));
            return;
        };
        if now.config.listen_proxy_protocol {
            tokio::spawn(Arc::clone(self).behind_balancer(connection, peer, open, started));
        } else {
            self.admit(connection, peer, open, started);
        }
    }

    /// Waits for the header of a balancer at `peer`, and then serves the connection that it announces.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn keeps room for each argument twice, as it was passed and as it is used"
    )]
    fn behind_balancer(
        self: Arc<Self>,
        mut connection: ClientConnection,
        peer: IpAddr,
        open: ConnectionGuard,
        started: Instant,
    ) -> impl Future<Output = ()> + Send {
        async move {
            let deadline = started + self.runtime().now().config.timeouts.client;
            let mut timer = DeadlineTimer::new(deadline);
            // A balancer that only looks whether the port is open sends nothing, which is no fault.
            if timer.guard(deadline, pin!(connection.has_request())).await == Ok(false) {
                return;
            }
            let header = self.proxy_header(&mut connection, peer, deadline, &mut timer);
            if let Some(client) = Box::pin(header).await {
                self.admit(connection, client, open, started);
            }
        }
    }

    /// Counts a connection in the share of its client, and spawns the task that serves it to its end.
    fn admit(
        self: &Arc<Self>,
        connection: ClientConnection,
        address: IpAddr,
        open: ConnectionGuard,
        started: Instant,
    ) {
        let ingress = Arc::clone(self);
        let runtime = self.runtime();
        let now = runtime.now();
        let most = if is_trusted(&now.config.forwarded, address) {
            usize::MAX
        } else {
            now.config.limits.client.connections
        };
        let Some(share) = runtime.clients.connection(address, most) else {
            tokio::spawn(ingress.turn_away(connection, Some(address)));
            return;
        };
        let detection = match (now.config.tls.is_some(), now.config.http2.cleartext) {
            (true, _) => Detection::Handshake,
            (false, true) => Detection::Opening,
            (false, false) => Detection::None,
        };
        let client = Client::new(address, now.config.tls.is_some(), share);
        tokio::spawn(ingress.serve(connection, client, (open, started), detection));
    }

    /// Serves a connection to its end.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn keeps room for each argument twice, as it was passed and as it is used"
    )]
    fn serve(
        self: Arc<Self>,
        mut connection: ClientConnection,
        mut client: Client,
        (open, started): (ConnectionGuard, Instant),
        detection: Detection,
    ) -> impl Future<Output = Option<()>> + Send {
        async move {
            let _open = open;
            let deadline = started + self.runtime().now().config.timeouts.client;
            let mut timer = DeadlineTimer::new(deadline);
            let protocol = match detection {
                Detection::None => Protocol::Http1,
                Detection::Opening => {
                    let first = timer.guard(deadline, pin!(connection.has_request())).await;
                    if first == Ok(true) {
                        Box::pin(opening(&mut connection, deadline, &mut timer)).await
                    } else {
                        Protocol::Http1
                    }
                }
                Detection::Handshake => {
                    let first = timer.guard(deadline, pin!(connection.is_readable())).await;
                    if first.is_err() {
                        self.runtime().metrics.tls.ended(Handshake::TooSlow);
                        return None;
                    }
                    let shaken = Box::pin(self.handshake(connection, deadline, &mut timer));
                    let (shaken, protocol, certificate) = shaken.await?;
                    connection = shaken;
                    client.shows(certificate);
                    protocol
                }
            };
            match protocol {
                Protocol::Http1 => {
                    self.http1(&mut connection, &client, started, &mut timer)
                        .await
                }
                Protocol::Http2 => {
                    drop(timer);
                    let stream = connection.into_pingora();
                    Box::pin(http2::serve(&self, stream, client, started, &self.stop)).await
                }
            }
        }
    }

    /// Answers a connection over the limit of all, or of its address, and closes it. With TLS it only closes it: a
    /// connection over a limit must not cost a handshake.
    async fn turn_away(self: Arc<Self>, mut connection: ClientConnection, client: Option<IpAddr>) {
        let metrics = &self.runtime().metrics.requests;
        match client {
            None => &metrics.connections_refused,
            Some(_) => &metrics.clients_limited[Share::Connections],
        }
        .inc();
        let reply = self.dispatcher.turn_away(client);
        if self.runtime().now().config.tls.is_some() {
            return;
        }
        // Does not wait for a client that does not read this.
        let _ = timeout(CLOSE_GRACE, connection.send(&reply.to_wire(false))).await;
        connection.close().await;
    }

    /// The connection after its handshake, the protocol that its client chose, and the names in the certificate that it
    /// has shown. `None` if the handshake fails.
    async fn handshake(
        &self,
        connection: ClientConnection,
        deadline: Instant,
        timer: &mut DeadlineTimer,
    ) -> Option<(ClientConnection, Protocol, Option<CertificateNames>)> {
        let runtime = self.runtime();
        // `tls` neither comes nor goes with a reload.
        let certificates = runtime.credentials.certificates()?;
        let socket = connection.into_socket()?;
        let shaken = timer
            .guard(deadline, pin!(certificates.handshake(socket)))
            .await;
        match shaken {
            Ok(Ok(stream)) => {
                runtime.metrics.tls.ended(Handshake::Done);
                let protocol = if stream.is_http2() {
                    Protocol::Http2
                } else {
                    Protocol::Http1
                };
                let subject = stream.subject();
                let certificate = subject.map(|subject| CertificateNames::new(subject.names));
                let stream: Stream = Box::new(stream);
                let connection = ClientConnection::new(stream, runtime.buffer_share());
                Some((connection, protocol, certificate))
            }
            Ok(Err(error)) => {
                runtime.metrics.tls.ended(Handshake::failed(&error));
                debug!(%error, "TLS handshake failed");
                None
            }
            Err(_) => {
                runtime.metrics.tls.ended(Handshake::TooSlow);
                None
            }
        }
    }
}

/// The protocol of a connection without TLS, by its first bytes.
async fn opening(
    connection: &mut ClientConnection,
    deadline: Instant,
    timer: &mut DeadlineTimer,
) -> Protocol {
    let is_http2 = pin!(connection.begins_with(http2::PREFACE));
    match timer.guard(deadline, is_http2).await {
        Ok(true) => Protocol::Http2,
        // Everything else gets an answer over HTTP/1.1.
        _ => Protocol::Http1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it takes, of which the head and tail of a task make 640 at most, with what the allocator rounds up.
    const MOST: usize = 480;

    /// The size of what a function yields.
    fn size_of_output<A, B, C, D, E, F>(_: impl Fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    /// The task of a connection lives as long as the connection, so all that it holds is held for every idle client. The bound
    /// is what it takes: what is larger belongs into a boxed future.
    #[test]
    fn a_parked_connection_takes_a_few_words() {
        for size in [
            size_of_output(Ingress::serve),
            size_of_output(Ingress::behind_balancer),
        ] {
            assert!(size <= MOST, "{size} bytes");
        }
    }
}
