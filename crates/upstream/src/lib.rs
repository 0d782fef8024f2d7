//! The upstream client: sends one request to one substation over HTTP/1.1 and returns its answer.
//!
//! The interface is narrow: [`UpstreamClient::send`] takes a request and returns an answer or an error, and says
//! whether anything may have arrived. Behind it are pooled connections. Each carries one request at a time, or
//! several that are pipelined, and callers need not know which.
//!
//! Each worker has its own client, so its locks are never contended. They exist because the types require it:
//! a worker's state is shared with Pingora's tasks by type, but not in fact. No lock is held across an await.

mod answer_order;
mod connection;
mod delivery;
mod eligibility;
mod observation;
mod open_write;
mod pending_response;
mod pipeline_queue;
mod pipelined_connection;
mod pool;
mod turn_time;

use std::{collections::HashMap, io, net::SocketAddr, sync::Arc, time::Duration};

use http::HeaderValue;
use parking_lot::Mutex;
use tokio::time::Instant;

use connection::{Broken, Connection, Reason};
use observation::Observation;
pub use open_write::Mark;
use open_write::OpenWrite;
use pending_response::PendingResponse;
use pipeline_queue::Outcome;
use pipelined_connection::PipelinedConnection;
use pool::{Lease, Pool};
pub use switchyard_http1::Answer;
use switchyard_http1::{Head, Limits, Malformed, Origin, RequestHead, Unencodable, forwarded};
use switchyard_process::Shortage;
use switchyard_telemetry::Count;
use switchyard_transport::Transport;
use switchyard_wire::names::REQUEST_ID;
use turn_time::TurnTime;

/// How far a request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No byte of it left this process: it is certainly not booked.
    Unsent,
    /// It may have arrived, and may be booked.
    Sent,
}

/// A request to send: built from parsed parts and written in one piece.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Request line and host.
    pub line: &'a RequestHead,
    /// The client's headers; only the end-to-end ones are forwarded.
    pub head: Head<'a>,
    /// What the substation is told of the client.
    pub origin: Origin<'a>,
    /// The request's id: the client's, or one made by the proxy.
    pub request_id: &'a HeaderValue,
    /// The whole body.
    pub body: &'a [u8],
}

impl<'a> Outgoing<'a> {
    /// The headers to send, except those that the encoder writes itself.
    fn headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        forwarded(
            self.head,
            self.origin,
            (REQUEST_ID, self.request_id.as_bytes()),
        )
    }
}

/// Identifies a substation for as long as the process runs. An address may pass to another substation, an id does
/// not.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Id(pub u64);

/// Where a request is sent.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// Which substation.
    pub id: Id,
    /// The address that it listens on.
    pub address: SocketAddr,
    /// How it is reached.
    pub transport: &'a Transport,
    /// How long a new connection may take, with its TLS handshake.
    pub connect_timeout: Duration,
    /// The most requests that may be in flight on one connection; with 1, each request has its own.
    pub most: usize,
    /// The largest body of an answer, in bytes.
    pub largest_answer: usize,
    /// If others may be sent along: under which mark the write is open for them. See [`UpstreamClient::open_write`].
    pub open_as: Option<Mark>,
    /// Counts the requests that join others on their connection.
    pub shared: &'a Count,
}

impl Destination<'_> {
    /// The bounds of an answer.
    fn limits(&self) -> Limits {
        Limits {
            body: self.largest_answer,
            ..Limits::default()
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum UpstreamError {
    /// No connection could be made, or the substation refused the client certificate when the connection was used first.
    Connect(io::Error),
    /// No connection could be made, because this process lacks something.
    Lacking(Shortage),
    /// The answer is larger than the limit.
    TooLarge(Malformed),
    /// The request can't be written, so nothing was sent. It is the request's fault and would be everywhere.
    Unencodable(Unencodable),
    /// The connection was lost, or the bytes that came over it were not a valid answer.
    Lost(String),
    /// The deadline passed.
    Deadline,
}

/// After the connection to a substation was lost: whether any byte may have arrived there of those that were written to it
/// after the first `begins`. Asks the kernel, and may wait for its answer up to 100 ms.
pub async fn may_have_arrived(stream: &switchyard_transport::Stream, begins: u64) -> bool {
    delivery::may_have_arrived(|| delivery::delivery(stream, begins)).await
}

/// A pool for each substation, and the version of its transport.
type Pools = HashMap<Id, (u64, Arc<Mutex<Pool>>)>;

/// The connections of one worker to all substations.
#[derive(Debug, Default)]
pub struct UpstreamClient {
    /// Of the substations in the configuration.
    pools: Mutex<Pools>,
    turn_time: TurnTime,
    open_write: OpenWrite,
}

impl UpstreamClient {
    /// Where this worker is about to write: a request that is sent there in this turn leaves in the same write.
    #[must_use]
    pub fn open_write(&self) -> Option<Mark> {
        self.open_write.mark()
    }

    /// Keeps connections to these substations from now on; those to others close once their requests have ended, and so
    /// do those that were made over a transport of another version than the one given here.
    pub fn follow(&self, ids: impl IntoIterator<Item = (Id, u64)>) {
        let mut pools = self.pools.lock();
        let mut before = std::mem::take(&mut *pools);
        pools.extend(ids.into_iter().map(|(id, version)| {
            let kept = before.remove(&id).filter(|(known, _)| *known == version);
            let pool = kept.map(|(_, pool)| pool).unwrap_or_default();
            (id, (version, pool))
        }));
    }

    /// Closes idle connections that substations have closed, and those idle for longer than a pool keeps them. Called
    /// every second or so, it costs requests nothing, and no closed connection stays open on this side.
    pub fn sweep(&self, now: Instant) {
        for (_, pool) in self.pools.lock().values() {
            pool.lock().sweep(now);
        }
    }

    /// Sends a request to a substation and waits for its answer.
    ///
    /// `now` is the current time. `progress` says whether anything may have arrived at the substation, also after
    /// this future is dropped.
    pub async fn send(
        &self,
        to: Destination<'_>,
        outgoing: &Outgoing<'_>,
        progress: &mut Progress,
        mut now: Instant,
    ) -> Result<Answer, UpstreamError> {
        let pool = &*self.pool(to.id);
        let _guard = InFlightGuard::new(pool);
        let open_as = to
            .open_as
            .filter(|_| to.most > 1 && self.open_write.is_due());
        loop {
            let lateness = self.turn_time.answer_lateness();
            let lease = pool.lock().lease(
                outgoing.body.len(),
                to.most,
                lateness,
                open_as.is_some(),
                now,
            );
            let done = match lease {
                Lease::Shared(shared) => {
                    to.shared.inc();
                    self.send_shared(pool, shared, outgoing, progress, (open_as, now))
                        .await
                }
                Lease::FirstShared(connection) => {
                    let connection = or_connect(connection, to).await?;
                    let shared = pool.lock().share(connection, to.limits());
                    self.send_shared(pool, shared, outgoing, progress, (open_as, now))
                        .await
                }
                Lease::Exclusive(connection) => {
                    if to.most > 1 && self.turn_time.is_due() {
                        self.turn_time.yield_and_measure().await;
                    }
                    let is_reused = connection.is_some();
                    let connection = or_connect(connection, to).await?;
                    let limits = to.limits();
                    self.send_exclusive(pool, (connection, is_reused), outgoing, limits, progress)
                        .await
                }
            };
            if let Some(result) = done {
                return result;
            }
            now = Instant::now();
        }
    }

    /// The connections to one substation. A substation that is not followed gets a pool that ends with its requests.
    fn pool(&self, id: Id) -> Arc<Mutex<Pool>> {
        let pools = self.pools.lock();
        pools
            .get(&id)
            .map(|(_, pool)| Arc::clone(pool))
            .unwrap_or_default()
    }

    /// Sends a request on a connection of its own. `None` means that it must be sent again: the substation had
    /// closed the pooled connection and received nothing.
    async fn send_exclusive(
        &self,
        pool: &Mutex<Pool>,
        (mut connection, is_reused): (Connection, bool),
        outgoing: &Outgoing<'_>,
        limits: Limits,
        progress: &mut Progress,
    ) -> Option<Result<Answer, UpstreamError>> {
        let begun = Instant::now();
        match connection.round_trip(outgoing, limits, progress).await {
            Ok(answer) => {
                let now = Instant::now();
                let mut pool = pool.lock();
                pool.record(
                    Observation::of(&answer, begun, now),
                    self.turn_time.answer_lateness_at(now),
                    now,
                );
                if answer.reusable {
                    pool.put(connection, now);
                }
                Some(Ok(answer))
            }
            Err(Broken { reason, arrived }) => {
                if !arrived {
                    *progress = Progress::Unsent;
                }
                let unread = matches!(reason, Reason::Refused(_));
                let is_lost = !is_reused || *progress == Progress::Sent || unread;
                is_lost.then_some(Err(match reason {
                    Reason::Lost(reason) => UpstreamError::Lost(reason),
                    Reason::TooLarge(how) => UpstreamError::TooLarge(how),
                    Reason::Unencodable(how) => UpstreamError::Unencodable(how),
                    Reason::Refused(refusal) => UpstreamError::Connect(refusal.into()),
                }))
            }
        }
    }

    /// Sends a request on a connection that others use too. `None` means that it must be sent again: no byte of it
    /// had left, or the substation has certainly not processed it.
    async fn send_shared(
        &self,
        pool: &Mutex<Pool>,
        shared: Arc<PipelinedConnection>,
        outgoing: &Outgoing<'_>,
        progress: &mut Progress,
        (open_as, now): (Option<Mark>, Instant),
    ) -> Option<Result<Answer, UpstreamError>> {
        let ticket = match shared.join(outgoing, now) {
            Ok(ticket) => ticket,
            Err(error) => return Some(Err(UpstreamError::Unencodable(error))),
        };
        let mut pending = PendingResponse::new((pool, &self.turn_time), shared, ticket, progress);
        if pending.is_writer() {
            let open = open_as.map(|mark| self.open_write.open(mark));
            let batch = pending.yield_for_batch().await;
            if open.is_some() {
                self.open_write.record(batch);
            }
        }
        match (&mut pending).await {
            Outcome::Answered(answer) => Some(Ok(answer)),
            Outcome::Unprocessed => None,
            Outcome::Refused(refusal) => Some(Err(UpstreamError::Connect(refusal.into()))),
            Outcome::TooLarge(how) => Some(Err(UpstreamError::TooLarge(how))),
            Outcome::Lost {
                reason,
                begins,
                is_clean,
            } => {
                if is_clean && !delivery::may_have_arrived(|| pending.delivery(begins)).await {
                    pending.nothing_arrived();
                    return None;
                }
                Some(Err(UpstreamError::Lost(reason)))
            }
        }
    }
}

/// Returns the pooled connection if there is one, otherwise makes a new one.
async fn or_connect(
    pooled: Option<Connection>,
    to: Destination<'_>,
) -> Result<Connection, UpstreamError> {
    match pooled {
        Some(connection) => Ok(connection),
        // Boxed: the future of a request, which is moved, does not keep the room for a TLS handshake.
        None => Box::pin(connect(to)).await,
    }
}

async fn connect(to: Destination<'_>) -> Result<Connection, UpstreamError> {
    let stream = to.transport.connect(to.address, to.connect_timeout).await;
    stream.map(Connection::new).map_err(not_connected)
}

fn not_connected(error: io::Error) -> UpstreamError {
    match Shortage::of(&error) {
        Some(shortage) => UpstreamError::Lacking(shortage),
        None => UpstreamError::Connect(error),
    }
}

/// Counts a request as in flight to its substation until dropped.
struct InFlightGuard<'a>(&'a Mutex<Pool>);

impl<'a> InFlightGuard<'a> {
    fn new(pool: &'a Mutex<Pool>) -> Self {
        pool.lock().enter();
        Self(pool)
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.0.lock().exit();
    }
}

#[cfg(test)]
mod tests;
