//! One request to one substation, one answer back.
//!
//! A narrow door: a charge goes in, and out comes an answer or a break, with word of whether anything was
//! written. What stands behind it may change (pooled connections now, several requests on one connection
//! later) without the rest of the way knowing.
//!
//! Each lane has its own exchange, so its locks are never contended: they are there because a lane is
//! shared with Pingora's tasks by type, not in fact. None is held across an await.

mod connection;
mod pool;

use std::{collections::HashMap, io, net::SocketAddr, time::Duration};

use fastrand::Rng;
use http::HeaderValue;
use parking_lot::Mutex;
use pingora_http::RequestHeader;
use tokio::{net::TcpStream, time::timeout};

pub use crate::codec::Answer;
use crate::{codec::RequestHead, grid::Id};
use connection::{Broken, Connection};
use pool::Pool;

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

/// Where it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Destination {
    /// Which substation.
    pub id: Id,
    /// Where that one listens.
    pub address: SocketAddr,
    /// How long a new connection may take.
    pub connect_timeout: Duration,
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
    /// One for each substation that is listed; what comes back from any other is closed.
    pools: Mutex<HashMap<Id, Pool>>,
    rng: Mutex<Rng>,
}

impl Exchange {
    /// Without connections yet.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            pools: Mutex::default(),
            rng: Mutex::new(Rng::with_seed(seed)),
        }
    }

    /// The lane's random numbers.
    pub fn random<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.rng.lock())
    }

    /// Keeps connections to these substations from now on, and to no others.
    pub fn follow(&self, ids: impl IntoIterator<Item = Id>) {
        let mut pools = self.pools.lock();
        let mut before = std::mem::take(&mut *pools);
        let stay = ids.into_iter();
        pools.extend(stay.map(|id| (id, before.remove(&id).unwrap_or_default())));
    }

    /// Sends a request to a substation and waits for its answer.
    ///
    /// `progress` tells, also when this future is dropped, whether anything may have arrived there.
    pub async fn send(
        &self,
        to: Destination,
        outgoing: &Outgoing<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, Break> {
        loop {
            let pooled = self.pools.lock().get_mut(&to.id).and_then(Pool::take);
            let is_reused = pooled.is_some();
            let mut connection = match pooled {
                Some(connection) => connection,
                None => connect(to).await?,
            };
            match connection.exchange(outgoing, progress).await {
                Ok(answer) => {
                    if answer.reusable
                        && let Some(pool) = self.pools.lock().get_mut(&to.id)
                    {
                        pool.put(connection);
                    }
                    return Ok(answer);
                }
                Err(Broken { reason, arrived }) => {
                    if !arrived {
                        *progress = Progress::Unsent;
                    }
                    // It had closed while it lay in the pool, and took in nothing: the next may do.
                    if !is_reused || *progress == Progress::Sent {
                        return Err(Break::Lost(reason));
                    }
                }
            }
        }
    }
}

async fn connect(to: Destination) -> Result<Connection, Break> {
    match timeout(to.connect_timeout, TcpStream::connect(to.address)).await {
        Ok(Ok(stream)) => Connection::new(stream).map_err(Break::Connect),
        Ok(Err(error)) => Err(Break::Connect(error)),
        Err(_) => Err(Break::Connect(io::ErrorKind::TimedOut.into())),
    }
}

#[cfg(test)]
mod tests;
