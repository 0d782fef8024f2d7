//! One request to one substation, one answer back.
//!
//! A narrow door: a charge goes in, and out comes an answer or a break, with word of whether anything was
//! written. Behind it stand pooled connections, each for one request at a time or [shared] by several, without
//! the rest of the way knowing.
//!
//! Each lane has its own exchange, so its locks are never contended: they are there because a lane is
//! shared with Pingora's tasks by type, not in fact. None is held across an await.

mod connection;
mod earned;
mod fate;
mod forwarded;
mod order;
mod pool;
mod ride;
mod shared;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use fastrand::Rng;
use http::HeaderValue;
use parking_lot::Mutex;
use pingora_http::RequestHeader;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

pub use crate::codec::Answer;
use crate::{codec::RequestHead, config::Upstream};
use connection::{Broken, Connection};
use order::End;
use pool::{Pool, Way};
use ride::Ride;
use shared::{Seen, Shared};

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
    /// The client's head, whose end-to-end headers go on.
    pub head: &'a RequestHeader,
    /// The request's id, the client's or made here.
    pub request_id: &'a HeaderValue,
    /// The whole body.
    pub body: &'a [u8],
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Break {
    /// No connection could be made.
    Connect(io::Error),
    /// The connection was lost, or what came over it was no answer.
    Lost(String),
    /// Time ran out.
    Deadline,
}

/// The connections of one lane.
#[derive(Debug)]
pub struct Exchange {
    pools: Box<[Mutex<Pool>]>,
    connect_timeout: Duration,
    /// The most requests on one connection.
    most: usize,
    rng: Mutex<Rng>,
}

impl Exchange {
    /// Without connections yet, for so many substations.
    #[must_use]
    pub fn new(
        substations: usize,
        upstream: &Upstream,
        connect_timeout: Duration,
        seed: u64,
    ) -> Self {
        let pools = (0..substations).map(|_| Mutex::default()).collect();
        Self {
            pools,
            connect_timeout,
            most: upstream.pipeline.most(),
            rng: Mutex::new(Rng::with_seed(seed)),
        }
    }

    /// The lane's random numbers.
    pub fn random<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.rng.lock())
    }

    /// Sends a request to the substation that stands at `at` in the grid and listens at `address`, and waits
    /// for its answer.
    ///
    /// `progress` tells, also when this future is dropped, whether anything may have arrived there.
    pub async fn send(
        &self,
        at: usize,
        address: SocketAddr,
        outgoing: &Outgoing<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, Break> {
        let pool = self.pool(at)?;
        let _visit = Visit::new(pool);
        loop {
            let now = Instant::now();
            let way = pool.lock().way(outgoing.body.len(), self.most, now);
            let done = match way {
                Way::With(shared) => self.share(pool, shared, outgoing, progress, now).await,
                Way::First(connection) => {
                    let connection = match connection {
                        Some(connection) => connection,
                        None => self.connect(address).await?,
                    };
                    let shared = pool.lock().share(connection);
                    self.share(pool, shared, outgoing, progress, now).await
                }
                Way::Alone(connection) => {
                    let is_reused = connection.is_some();
                    let connection = match connection {
                        Some(connection) => connection,
                        None => self.connect(address).await?,
                    };
                    self.alone(pool, connection, is_reused, outgoing, progress)
                        .await
                }
            };
            if let Some(result) = done {
                return result;
            }
        }
    }

    /// The connections to one substation.
    fn pool(&self, at: usize) -> Result<&Mutex<Pool>, Break> {
        let unknown = || Break::Connect(io::ErrorKind::NotFound.into());
        self.pools.get(at).ok_or_else(unknown)
    }

    /// One request on a connection of its own. None if it is to be sent again: the connection had been closed
    /// while it lay in the pool, and took in nothing.
    async fn alone(
        &self,
        pool: &Mutex<Pool>,
        mut connection: Connection,
        is_reused: bool,
        outgoing: &Outgoing<'_>,
        progress: &mut Progress,
    ) -> Option<Result<Answer, Break>> {
        let begun = Instant::now();
        match connection.exchange(outgoing, progress).await {
            Ok(answer) => {
                let now = Instant::now();
                let mut pool = pool.lock();
                pool.learn(Seen::of(&answer, now - begun), now);
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
                is_lost.then_some(Err(Break::Lost(reason)))
            }
        }
    }

    /// One request with others. None if it is to be sent again: nothing of it had left, or it was not even
    /// looked at.
    async fn share(
        &self,
        pool: &Mutex<Pool>,
        shared: Arc<Shared>,
        outgoing: &Outgoing<'_>,
        progress: &mut Progress,
        now: Instant,
    ) -> Option<Result<Answer, Break>> {
        let ticket = match shared.join(outgoing, now) {
            Ok(ticket) => ticket,
            Err(error) => return Some(Err(Break::Lost(error.to_string()))),
        };
        let mut ride = Ride::new(pool, shared, ticket, progress);
        match (&mut ride).await {
            End::Answered(answer) => Some(Ok(answer)),
            End::Untouched => None,
            End::Lost {
                reason,
                begins,
                is_clean,
            } => {
                if is_clean && !fate::may_have_arrived(|| ride.fate(begins)).await {
                    ride.nothing_arrived();
                    return None;
                }
                Some(Err(Break::Lost(reason)))
            }
        }
    }

    async fn connect(&self, address: SocketAddr) -> Result<Connection, Break> {
        match timeout(self.connect_timeout, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => Connection::new(stream).map_err(Break::Connect),
            Ok(Err(error)) => Err(Break::Connect(error)),
            Err(_) => Err(Break::Connect(io::ErrorKind::TimedOut.into())),
        }
    }
}

/// One request at a substation; over when dropped.
struct Visit<'a>(&'a Mutex<Pool>);

impl<'a> Visit<'a> {
    fn new(pool: &'a Mutex<Pool>) -> Self {
        pool.lock().enter();
        Self(pool)
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.0.lock().exit();
    }
}

#[cfg(test)]
mod tests;
