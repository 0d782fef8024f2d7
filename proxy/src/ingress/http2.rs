//! HTTP/2 with a client: one connection, many requests at once.
//!
//! Each stream is a request like any other: read whole, within its deadline, under `limits.requests`, answered by
//! the same code. This module handles the connection around them. Pingora has a loop for that, but it waits for a
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

mod frame_budget;
mod lingering;
mod stream;

use std::{
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use h2::{Reason, server::Connection};
use pingora_core::{
    protocols::{
        Stream,
        http::v2::server::{default_h2_options, handshake},
    },
    server::ShutdownWatch,
};
use tokio::{
    io::AsyncWriteExt,
    sync::Notify,
    time::{Instant, sleep, timeout, timeout_at},
};
use tracing::debug;

use switchyard_wire::Code;

use super::Ingress;
use crate::{client_connection::CLOSE_GRACE, dispatch::Client, metrics::Share};
use lingering::Lingering;

/// The first bytes of a client (RFC 9113 §3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How many malformed requests end a connection.
const MOST_MALFORMED: u32 = 32;

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
        options.max_header_list_size(stream::largest_list(now.config.limits.head));
        (started + now.config.timeouts.client, most)
    };
    let client = Arc::new(client);
    let flooded = stream.flooded();
    let stream: Stream = Box::new(stream);
    let greeted = timeout_at(deadline, handshake(stream, Some(options))).await;
    let mut connection = greeted.ok()?.ok()?;
    let _graceful = ingress.runtime().in_flight.graceful();
    let client = (&client, most);
    accept(ingress, &mut connection, client, &flooded, stop.clone()).await;
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

async fn accept(
    ingress: &Arc<Ingress>,
    connection: &mut Connection<Stream, Bytes>,
    (client, most): (&Arc<Client>, u32),
    flooded: &Notify,
    mut stop: ShutdownWatch,
) {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let largest = ingress.runtime().now().config.limits.head;
    let work = Arc::new(Work::default());
    let mut malformed = 0;
    let (mut is_ending, mut has_asked) = (false, false);
    let mut stopped = pin!(async {
        // Without a sender the signal can't come any more.
        let _ = stop.wait_for(|stop| *stop).await;
    });
    loop {
        let patience = {
            let timeouts = &ingress.runtime().now().config.timeouts;
            match (is_ending, has_asked) {
                (true, _) => CLOSE_GRACE,
                // A client connects to ask something.
                (false, false) => timeouts.client.min(timeouts.idle),
                (false, true) => timeouts.idle,
            }
        };
        tokio::select! {
            biased;
            () = &mut stopped, if !is_ending => {
                connection.graceful_shutdown();
                is_ending = true;
            }
            () = flooded.notified() => {
                debug!("HTTP/2 connection is flooded with frames that ask for nothing");
                connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                is_ending = true;
            }
            // Polling this also drives everything sent and received on the connection.
            accepted = connection.accept() => match accepted {
                Some(Ok((request, answer))) if work.count() < most => {
                    has_asked = true;
                    let (mut head, body) = request.into_parts();
                    let fault = stream::check(&mut head, largest).err();
                    malformed += u32::from(fault.is_some());
                    let guard = work.begin();
                    let (ingress, client) = (Arc::clone(ingress), Arc::clone(client));
                    tokio::spawn(async move {
                        ingress.stream(&client, (head, body), answer, fault).await;
                        drop(guard);
                    });
                    if malformed == MOST_MALFORMED {
                        connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                        is_ending = true;
                    }
                }
                Some(Ok((_, mut answer))) => {
                    ingress.runtime().metrics.requests.rejected(Code::Overloaded.name());
                    answer.send_reset(Reason::REFUSED_STREAM);
                }
                None => return,
                Some(Err(error)) => {
                    debug!(%error, "HTTP/2 connection failed");
                    return;
                }
            },
            () = work.idle_for(patience) => {
                if is_ending {
                    return;
                }
                connection.graceful_shutdown();
                is_ending = true;
            }
        }
    }
}

/// Counts the requests in flight of one connection, including those whose streams were reset.
#[derive(Debug, Default)]
struct Work {
    count: AtomicUsize,
    ended: Notify,
}

/// One request in flight; counted until dropped.
struct WorkGuard(Arc<Work>);

impl Work {
    fn count(&self) -> usize {
        self.count.load(SeqCst)
    }

    fn begin(self: &Arc<Self>) -> WorkGuard {
        self.count.fetch_add(1, SeqCst);
        WorkGuard(Arc::clone(self))
    }

    /// Completes once no request has been in flight for this long.
    async fn idle_for(&self, patience: Duration) {
        loop {
            while self.count() > 0 {
                self.ended.notified().await;
            }
            sleep(patience).await;
            if self.count() == 0 {
                return;
            }
        }
    }
}

impl Drop for WorkGuard {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, SeqCst);
        self.0.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_only_after_its_last_request() {
        let work = Arc::new(Work::default());
        let guards = [work.begin(), work.begin()];
        let start = Instant::now();
        tokio::spawn(async move {
            for guard in guards {
                sleep(Duration::from_secs(5)).await;
                drop(guard);
            }
        });
        work.idle_for(Duration::from_secs(1)).await;
        assert_eq!(start.elapsed().as_secs(), 11);
    }
}
