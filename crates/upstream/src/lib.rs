//! One request to one substation, one answer back.
//!
//! A narrow door: a charge goes in, and out comes an answer or a break, with word of whether anything was
//! written. Behind it stand pooled connections, each for one request at a time or [shared] by several, without
//! the rest of the way knowing.
//!
//! Each lane has its own client, so its locks are never contended: they are there because a lane is
//! shared with Pingora's tasks by type, not in fact. None is held across an await.

mod connection;
mod delivery;
mod eligibility;
mod pending_response;
mod pipeline_queue;
mod pipelined_connection;
mod pool;
mod turn_time;

use std::{collections::HashMap, io, net::SocketAddr, sync::Arc, time::Duration};

use http::HeaderValue;
use parking_lot::Mutex;
use prometheus::IntCounter;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

use connection::{Broken, Connection};
use pending_response::PendingResponse;
use pipeline_queue::Outcome;
use pipelined_connection::{Observation, PipelinedConnection};
use pool::{Lease, Pool};
pub use switchyard_http1::Answer;
use switchyard_http1::{Head, RequestHead, forwarded};
use switchyard_wire::names::REQUEST_ID;
use turn_time::TurnTime;

/// How far a request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not a byte of it left: it is certainly not booked.
    Unsent,
    /// It may have arrived, and may be booked.
    Sent,
}

/// What is sent: built from parsed parts, in one write.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Request line and host.
    pub line: &'a RequestHead,
    /// The client's headers, of which those that are end-to-end go on.
    pub head: Head<'a>,
    /// The request's id, the client's or made here.
    pub request_id: &'a HeaderValue,
    /// The whole body.
    pub body: &'a [u8],
}

impl<'a> Outgoing<'a> {
    /// The headers that are sent, but for those that the encoder writes itself.
    fn headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        forwarded(self.head, (REQUEST_ID, self.request_id.as_bytes()))
    }
}

/// Which substation it is, for as long as the process runs. An address may be given to another.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Id(pub u64);

/// Where it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// Which substation.
    pub id: Id,
    /// Where that one listens.
    pub address: SocketAddr,
    /// How long a new connection may take.
    pub connect_timeout: Duration,
    /// The most requests that may be in flight on one connection; 1 for a connection each.
    pub most: usize,
    /// Counts the requests that join others.
    pub shared: &'a IntCounter,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum UpstreamError {
    /// No connection could be made.
    Connect(io::Error),
    /// The connection was lost, or what came over it was no answer.
    Lost(String),
    /// Time ran out.
    Deadline,
}

/// The connections of one lane.
#[derive(Debug, Default)]
pub struct UpstreamClient {
    /// One for each substation that is listed.
    pools: Mutex<HashMap<Id, Arc<Mutex<Pool>>>>,
    turn_time: TurnTime,
}

impl UpstreamClient {
    /// Keeps connections to these substations from now on, and to no others.
    pub fn follow(&self, ids: impl IntoIterator<Item = Id>) {
        let mut pools = self.pools.lock();
        let mut before = std::mem::take(&mut *pools);
        let stay = ids.into_iter();
        pools.extend(stay.map(|id| (id, before.remove(&id).unwrap_or_default())));
    }

    /// Sends a request to a substation and waits for its answer.
    ///
    /// It is `now`. `progress` tells, also when this future is dropped, whether anything may have arrived there.
    pub async fn send(
        &self,
        to: Destination<'_>,
        outgoing: &Outgoing<'_>,
        progress: &mut Progress,
        mut now: Instant,
    ) -> Result<Answer, UpstreamError> {
        let pool = &*self.pool(to.id);
        let _guard = InFlightGuard::new(pool);
        loop {
            let lateness = self.turn_time.answer_lateness();
            let lease = pool
                .lock()
                .lease(outgoing.body.len(), to.most, lateness, now);
            let done = match lease {
                Lease::Shared(shared) => {
                    to.shared.inc();
                    self.send_shared(pool, shared, outgoing, progress, now)
                        .await
                }
                Lease::FirstShared(connection) => {
                    let connection = or_connect(connection, to).await?;
                    let shared = pool.lock().share(connection);
                    self.send_shared(pool, shared, outgoing, progress, now)
                        .await
                }
                Lease::Exclusive(connection) => {
                    if to.most > 1 && self.turn_time.is_due() {
                        self.turn_time.yield_and_measure().await;
                    }
                    let is_reused = connection.is_some();
                    let connection = or_connect(connection, to).await?;
                    self.send_exclusive(pool, connection, is_reused, outgoing, progress)
                        .await
                }
            };
            if let Some(result) = done {
                return result;
            }
            now = Instant::now();
        }
    }

    /// The connections to one substation. To one that is not listed they end with those who wait for it.
    fn pool(&self, id: Id) -> Arc<Mutex<Pool>> {
        self.pools.lock().get(&id).cloned().unwrap_or_default()
    }

    /// One request on a connection of its own. None if it is to be sent again: the connection had been closed
    /// while it lay in the pool, and took in nothing.
    async fn send_exclusive(
        &self,
        pool: &Mutex<Pool>,
        mut connection: Connection,
        is_reused: bool,
        outgoing: &Outgoing<'_>,
        progress: &mut Progress,
    ) -> Option<Result<Answer, UpstreamError>> {
        let begun = Instant::now();
        match connection.round_trip(outgoing, progress).await {
            Ok(answer) => {
                let now = Instant::now();
                let mut pool = pool.lock();
                pool.record(
                    Observation::of(&answer, now - begun),
                    self.turn_time.answer_lateness(),
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
                let is_lost = !is_reused || *progress == Progress::Sent;
                is_lost.then_some(Err(UpstreamError::Lost(reason)))
            }
        }
    }

    /// One request with others. None if it is to be sent again: nothing of it had left, or it was not even
    /// looked at.
    async fn send_shared(
        &self,
        pool: &Mutex<Pool>,
        shared: Arc<PipelinedConnection>,
        outgoing: &Outgoing<'_>,
        progress: &mut Progress,
        now: Instant,
    ) -> Option<Result<Answer, UpstreamError>> {
        let ticket = match shared.join(outgoing, now) {
            Ok(ticket) => ticket,
            Err(error) => return Some(Err(UpstreamError::Lost(error.to_string()))),
        };
        let mut pending = PendingResponse::new((pool, &self.turn_time), shared, ticket, progress);
        pending.yield_for_batch().await;
        match (&mut pending).await {
            Outcome::Answered(answer) => Some(Ok(answer)),
            Outcome::Unprocessed => None,
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

/// The connection that the pool had, else a new one.
async fn or_connect(
    pooled: Option<Connection>,
    to: Destination<'_>,
) -> Result<Connection, UpstreamError> {
    match pooled {
        Some(connection) => Ok(connection),
        None => connect(to).await,
    }
}

async fn connect(to: Destination<'_>) -> Result<Connection, UpstreamError> {
    match timeout(to.connect_timeout, TcpStream::connect(to.address)).await {
        Ok(Ok(stream)) => Connection::new(stream).map_err(UpstreamError::Connect),
        Ok(Err(error)) => Err(UpstreamError::Connect(error)),
        Err(_) => Err(UpstreamError::Connect(io::ErrorKind::TimedOut.into())),
    }
}

/// One request at a substation; over when dropped.
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
