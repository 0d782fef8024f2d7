//! HTTP/2 with a client: one connection, many requests at once.
//!
//! Each stream is a request like any other: read whole, within its deadline, under `limits.requests`, answered by
//! the same code. One of a route that streams is [handed over](session) before its body is read, as over HTTP/1.1. This module handles the connection around them. Pingora has a loop for that, but it waits for a
//! client's preface without a deadline and does not say when the connection is over. So only its parts are used.
//!
//! A client can make a connection work for nothing in four ways; each has its limit:
//!
//! - Requests that are reset as soon as they are sent (CVE-2023-44487). Their streams no longer count as open, but
//!   their work goes on, so the limit here is on the work. Streams beyond it are refused unread, which by the
//!   protocol is safe to retry. `h2` counts the resets of streams that were not accepted yet, and ends the
//!   connection.
//! - Malformed requests. Each costs an answer, so after some of them the connection ends.
//! - Frames that ask for nothing. They are counted below `h2`, and a flood of them ends the connection
//!   (`frame_budget.rs`).
//! - Nothing at all. After `timeouts.idle` without a request in flight the connection ends, before the first
//!   request after `timeouts.client`. And it takes many times the
//!   memory of one that speaks HTTP/1.1, so there are at most `http2.connections` of them.
//!
//! A connection ends as the protocol says: the client learns which requests were accepted (GOAWAY), and all answers are
//! sent and have time to arrive before the connection closes (`lingering.rs`). Each connection counts as graceful in
//! `in_flight.rs` until then, so that the process waits for it too.

mod connection;
mod credit;
mod frame_budget;
mod head;
mod lingering;
mod session;
mod stream;
mod tasks;
mod window;

use std::{io, sync::Arc};

use pingora_core::{
    protocols::{
        Stream,
        http::v2::server::{default_h2_options, handshake},
    },
    server::ShutdownWatch,
};
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, timeout, timeout_at},
};

use super::Ingress;
use crate::{client_connection::CLOSE_GRACE, dispatch::Client, metrics::Share};
use connection::Connection;
use lingering::Lingering;
use stream::Streams;
pub(super) use tasks::IdleTasks;

/// How much of an answer is in memory because the client has room for it and its connection has not taken it yet, in bytes.
const SEND_BUFFER: usize = 64 * 1024;

/// The first bytes of a client (RFC 9113 §3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves a connection to its end. `started` is when it was accepted.
pub(super) async fn serve(
    ingress: &Arc<Ingress>,
    stream: Stream,
    mut client: Client,
    started: Instant,
    stop: &ShutdownWatch,
) -> Option<()> {
    let runtime = ingress.runtime();
    let mut stream = Lingering::new(stream, runtime.buffer_share());
    let (most, is_within) = {
        let now = runtime.now();
        let most = now.config.http2.connections;
        let is_within = client.speaks_http2(&now.config.forwarded, most);
        (most, is_within)
    };
    let refusals = &runtime.metrics.requests;
    let refused = if is_within {
        &refusals.connections_refused
    } else {
        &refusals.clients_limited[Share::Connections]
    };
    let open = runtime.in_flight.http2(most).filter(|_| is_within);
    let Some(_open) = open else {
        refused.inc();
        // Does not wait for a client that does not read this.
        let _ = timeout(CLOSE_GRACE, turn_away(&mut stream)).await;
        return None;
    };
    let mut options = default_h2_options();
    let (deadline, most) = {
        let now = ingress.runtime().now();
        // A connection has no more than the share of its address.
        let share = u32::try_from(now.config.limits.client.requests).unwrap_or(u32::MAX);
        let most = now.config.http2.streams.min(share);
        options.max_concurrent_streams(most);
        options.max_send_buffer_size(SEND_BUFFER);
        options.max_header_list_size(head::largest_list(now.config.limits.head));
        (started + now.config.timeouts.client, most)
    };
    let (flood, credit) = (stream.flood(), stream.credit());
    let stream: Stream = Box::new(stream);
    let greeted = timeout_at(deadline, handshake(stream, Some(options))).await;
    let greeted = greeted.ok()?.ok()?;
    let _graceful = ingress.runtime().in_flight.graceful();
    let streams = Streams::new(Arc::clone(ingress), client, credit);
    Connection::new(greeted, streams, most, flood)
        .serve(stop.clone())
        .await;
    Some(())
}

/// Tells a client over the limit that none of its requests was taken, and closes.
async fn turn_away(stream: &mut Lingering) -> io::Result<()> {
    /// Empty SETTINGS, and a GOAWAY with `ENHANCE_YOUR_CALM` (11) before the first stream.
    const REFUSAL: [u8; 26] = [
        0, 0, 0, 4, 0, 0, 0, 0, 0, //
        0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11,
    ];
    stream.write_all(&REFUSAL).await?;
    stream.flush().await?;
    stream.shutdown().await
}
