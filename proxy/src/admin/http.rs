//! The HTTP server of the admin port: complete answers, and the stream of `/events`.
//!
//! It reads requests as the public port does, so the same bytes get the same verdict.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::BufMut;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use pingora_core::{
    apps::ServerApp,
    protocols::{Stream, l4::stream::Stream as TcpStream},
    server::ShutdownWatch,
};
use switchyard_grid::Source;
use switchyard_http1::{Expectation, Head, IncomingBody, IncomingRequest, RequestLimits};
use switchyard_wire::{Code, Failure, names::REQUEST_ID};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use super::{
    Admin,
    commands::{Command, Given},
    connections::Seat,
    events, failure,
    head::put_head,
    limits::LimitPath,
    pages::{Held, is_page},
};
use crate::{
    client_connection::{ClientConnection, peer, too_slow, unknown_expectation},
    dispatch::request_id,
};

/// How long an idle connection is kept alive.
const KEPT: Duration = Duration::from_mins(1);
/// The largest request. No body here needs more than a drain's, and no head more than a browser sends.
const LIMITS: RequestLimits = RequestLimits {
    head: 16 * 1024,
    body: 16 * 1024,
};
/// The largest body of an answer that is copied behind its head, in bytes, so that both leave together.
const LARGEST_COPY: usize = 64 * 1024;

#[async_trait]
impl ServerApp for Admin {
    async fn process_new(
        self: &Arc<Self>,
        stream: Stream,
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let seat = self
            .connections
            .enter(self.runtime.now().config.admin.connections);
        tokio::select! {
            biased;
            // First, so that a request that has arrived is still answered.
            _ = self.serve(stream, &seat, shutdown) => {}
            () = seat.displaced() => {}
        }
        None
    }
}

/// A request, and its end in the received bytes.
struct Read {
    head: Option<IncomingRequest>,
    body: Option<IncomingBody>,
    failure: Option<Failure>,
}

impl Admin {
    /// Serves a connection to its end.
    async fn serve(&self, stream: Stream, seat: &Seat<'_>, shutdown: &ShutdownWatch) -> Option<()> {
        let client = peer(&stream);
        // A client connects to ask something: its handshake and its first bytes share one deadline.
        let mut deadline = Instant::now() + KEPT.min(self.runtime.now().config.timeouts.client);
        let stream = timeout_at(deadline, self.secured(stream)).await.ok()??;
        let mut connection = ClientConnection::new(stream, self.runtime.buffer_share());
        loop {
            if !timeout_at(deadline, connection.has_request()).await.ok()? {
                return None;
            }
            connection = self.request(connection, (client, seat), shutdown).await?;
            deadline = Instant::now() + KEPT;
        }
    }

    /// The connection after its handshake, where there is `admin.tls`. `None` if the handshake fails.
    async fn secured(&self, stream: Stream) -> Option<Stream> {
        // `admin.tls` neither comes nor goes with a reload.
        let Some(certificates) = self.runtime.credentials.admin_certificates() else {
            return Some(stream);
        };
        // The service has no TLS of its own, so what it hands over is the socket.
        let socket = stream.into_any().downcast::<TcpStream>().ok()?;
        match certificates.handshake(*socket).await {
            Ok(stream) => Some(Box::new(stream)),
            Err(error) => {
                debug!(%error, "TLS handshake at the admin port failed");
                None
            }
        }
    }

    /// Answers one request. Returns the connection if it goes on.
    async fn request(
        &self,
        mut connection: ClientConnection,
        (client, seat): (IpAddr, &Seat<'_>),
        shutdown: &ShutdownWatch,
    ) -> Option<ClientConnection> {
        let limit = self.runtime.now().config.timeouts.client;
        let mut read = Read {
            head: None,
            body: None,
            failure: None,
        };
        let outcome = timeout(limit, read_request(&mut connection, &mut read)).await;
        match outcome {
            Ok(Ok(true)) => seat.renew(),
            Ok(Ok(false)) => return None,
            Ok(Err(failure)) => read.failure = Some(failure),
            Err(_) => read.failure = Some(too_slow("rest", limit)),
        }
        let received = connection.received();
        let headers = read.head.as_ref().map(|head| head.head(received));
        let headers = headers.map(header_map).unwrap_or_default();
        let sent_id = headers.get(REQUEST_ID).map(HeaderValue::as_bytes);
        let id = request_id::of(sent_id, || fastrand::u128(..));
        let mut is_head = false;
        let answer = match (read.failure, &read.head) {
            (Some(refused), _) => failure(&refused),
            (None, None) => return None,
            (None, Some(head)) => {
                let method = Method::from_bytes(head.method(received).as_bytes()).ok()?;
                is_head = method == Method::HEAD;
                let method = if is_head { Method::GET } else { method };
                let (path, query) = (head.path(received), head.query(received));
                match self.feed(&method, path, &headers) {
                    Some(Ok(viewer)) => {
                        seat.leave();
                        viewer.serve(&mut connection, is_head, shutdown).await;
                        return None;
                    }
                    Some(Err(refused)) => failure(&refused),
                    None if path == "/reload" => self.reload(&method, &headers).await,
                    None if is_page(path) => self.page(&method, path, query, &headers).await,
                    None => {
                        let body = read.body.as_ref();
                        let body = body.and_then(|body| received.get(body.body.clone()));
                        let given = Given {
                            method: &method,
                            path,
                            query,
                            headers: &headers,
                            body: body.unwrap_or_default(),
                            client,
                        };
                        match (Command::at(path), LimitPath::at(path)) {
                            (Some(command), _) => self.command(&command, given).await,
                            (None, Some(path)) => self.limits(&path, given),
                            (None, None) => self.answer(&method, path),
                        }
                    }
                }
            }
        };
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.wrong_tokens.slow(Source::of(client)).await;
        }
        let is_over = read.head.is_none_or(|head| head.closes()) || *shutdown.borrow();
        let closes = is_over || read.body.is_none();
        let sending = send(&mut connection, answer, &id, is_head, closes);
        match timeout(limit, sending).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                debug!(%error, "The admin port could not answer");
                return None;
            }
            Err(_) => return None,
        }
        match read.body {
            None => connection.close_unread().await,
            Some(_) if closes => connection.close().await,
            Some(body) => {
                connection.advance(body.end);
                return Some(connection);
            }
        }
        None
    }

    /// The place of a viewer, or why there is none, if the request may be answered and asks for one.
    fn feed(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Option<Result<events::Viewer, Failure>> {
        if let Some(refused) = self.other_host(headers) {
            return Some(Err(refused));
        }
        if let Err(refused) = self.authorise(path, headers) {
            return Some(Err(refused));
        }
        if path != "/events" {
            return None;
        }
        if method != Method::GET {
            return Some(Err(Failure::method_not_allowed(path, method, "GET, HEAD")));
        }
        let full = || {
            let message = format!(
                "{} viewers are connected, which is the limit; close another page, or read /status",
                events::MOST_VIEWERS
            );
            Failure::new(Code::Overloaded, message)
        };
        Some(
            self.feed
                .viewer(&self.runtime, &self.dispatch)
                .ok_or_else(full),
        )
    }
}

/// Reads a request to its end, as far as that is possible. False if the connection ends instead.
async fn read_request(connection: &mut ClientConnection, read: &mut Read) -> Result<bool, Failure> {
    let Some(head) = connection.head(LIMITS.head).await? else {
        return Ok(false);
    };
    let head = read.head.insert(head);
    if head.expectation() == Expectation::Unknown {
        read.body = connection.arrived_body(head, LIMITS);
        return Err(unknown_expectation());
    }
    read.body = Some(connection.body(head, LIMITS).await?);
    Ok(true)
}

fn header_map(head: Head<'_>) -> HeaderMap {
    let fields = head.fields().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name).ok()?;
        Some((name, HeaderValue::from_bytes(value).ok()?))
    });
    fields.fold(HeaderMap::new(), |mut headers, (name, value)| {
        headers.append(name, value);
        headers
    })
}

/// Sends an answer as HTTP/1.1. The answer to a `HEAD` has no body.
async fn send(
    connection: &mut ClientConnection,
    answer: Response<Vec<u8>>,
    id: &HeaderValue,
    is_head: bool,
    closes: bool,
) -> io::Result<()> {
    let (mut head, mut body) = answer.into_parts();
    if let Some(failure) = head.extensions.remove::<Failure>() {
        body = failure.to_json(id.to_str().unwrap_or_default());
    }
    let page = head.extensions.remove::<Held>();
    let body = page.as_ref().map_or(&body[..], |page| page.body());
    let mut wire = Vec::with_capacity(body.len().min(LARGEST_COPY) + 512);
    put_head(&mut wire, head.status, &head.headers, closes);
    for part in [&b"x-request-id: "[..], id.as_bytes(), b"\r\n"] {
        wire.put_slice(part);
    }
    let mut digits = itoa::Buffer::new();
    for part in ["content-length: ", digits.format(body.len()), "\r\n\r\n"] {
        wire.put_slice(part.as_bytes());
    }
    if is_head {
        return connection.send(&wire).await;
    }
    if body.len() <= LARGEST_COPY {
        wire.put_slice(body);
        return connection.send(&wire).await;
    }
    connection.send(&wire).await?;
    connection.send(body).await
}
