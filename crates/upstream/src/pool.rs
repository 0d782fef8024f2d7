//! The connections of one worker to one substation: idle ones, pipelined ones, and whether the substation has earned
//! pipelining.
//!
//! The idle connection that was used last is taken first: it is the least likely to have been closed. Those at the
//! other end of the queue grow old. A [sweep](Pool::sweep) closes them, and those that the substation has closed, also
//! when no request comes any more.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    answer_order::AnswerOrder,
    connection::Connection,
    eligibility::{PROMPT, PipelineEligibility},
    observation::Observation,
    pipelined_connection::PipelinedConnection,
};
use switchyard_http1::Limits;

/// How long a connection may be idle. Below the keep-alive time of common servers, so that this side closes first:
/// a request that crosses the substation's close would be lost.
pub(super) const LONGEST_IDLE: Duration = Duration::from_secs(4);

/// Room for so many idle connections is kept however few there are.
const ROOM: usize = 16;

/// After so long without a request, a connection may have vanished unnoticed. The proof that a request on it did not
/// arrive then costs one more small write, so a busy connection goes without.
const REST: Duration = Duration::from_millis(1);

/// The largest body of a pipelined request, in bytes. A larger one would delay the others while it is written.
const LARGEST_PIPELINED: usize = 4 * 1024;

/// After a write with several requests, batches are expected until so many requests have yielded in vain. While no
/// batch is expected and no other request is in flight, a request does not yield: it would only lose a turn.
const YIELDS_IN_VAIN: u32 = 16;

/// Connections to one substation.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: VecDeque<Idle>,
    shared: Vec<Arc<PipelinedConnection>>,
    eligibility: PipelineEligibility,
    order: AnswerOrder,
    in_flight: usize,
    /// How many more requests may yield in vain before no batch is expected.
    batching: u32,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

impl Idle {
    fn is_old(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= LONGEST_IDLE
    }
}

/// The connection that a request is given.
#[derive(Debug)]
pub(super) enum Lease {
    /// A connection of its own; `None` if one has to be made.
    Exclusive(Option<Connection>),
    /// A connection that others may join; `None` if one has to be made.
    FirstShared(Option<Connection>),
    /// A connection that other requests use already.
    Shared(Arc<PipelinedConnection>),
}

impl Pool {
    /// One more request is in flight to the substation.
    pub(super) fn enter(&mut self) {
        self.in_flight += 1;
    }

    /// Records that `requests` left in one write after one of them had yielded for others.
    pub(super) fn record_batch(&mut self, requests: usize) {
        self.batching = if requests > 1 {
            YIELDS_IN_VAIN
        } else {
            self.batching.saturating_sub(1)
        };
    }

    /// One request fewer is in flight.
    pub(super) fn exit(&mut self) {
        self.in_flight -= 1;
    }

    /// Chooses a connection for a request with a body of `body` bytes, where at most `most` share one. `expects_batch`
    /// says that others are expected to come along in the same write.
    ///
    /// A request joins a connection only if its oldest request has not waited longer than [`PROMPT`] and the
    /// worker's own `lateness`.
    pub(super) fn lease(
        &mut self,
        body: usize,
        most: usize,
        lateness: Duration,
        expects_batch: bool,
        now: Instant,
    ) -> Lease {
        let expects_batch = expects_batch || self.in_flight > 1 || self.batching > 0;
        let may_share = most > 1
            && expects_batch
            && self.eligibility.is_eligible()
            && body <= LARGEST_PIPELINED;
        if !may_share {
            return Lease::Exclusive(self.take(now));
        }
        let is_joinable =
            |shared: &&Arc<PipelinedConnection>| shared.is_joinable(most, PROMPT + lateness, now);
        match self.shared.iter().rev().find(is_joinable) {
            Some(shared) => Lease::Shared(Arc::clone(shared)),
            None => Lease::FirstShared(self.take(now)),
        }
    }

    /// Lets other requests join this connection.
    pub(super) fn share(
        &mut self,
        connection: Connection,
        limits: Limits,
    ) -> Arc<PipelinedConnection> {
        let shared = Arc::new(PipelinedConnection::new(connection, limits));
        self.shared.push(Arc::clone(&shared));
        shared
    }

    /// Lets no other request join this connection any more.
    pub(super) fn unshare(&mut self, shared: &Arc<PipelinedConnection>) {
        self.shared.retain(|other| !Arc::ptr_eq(other, shared));
    }

    /// Returns a connection to the idle ones if no request holds it any more and it is still usable.
    pub(super) fn reclaim(&mut self, shared: Option<Arc<PipelinedConnection>>) {
        let connection = shared
            .and_then(Arc::into_inner)
            .and_then(PipelinedConnection::into_connection);
        if let Some(connection) = connection {
            self.put(connection, Instant::now());
        }
    }

    /// Learns from answers that came in one read, of a worker that may have been late by `lateness`.
    pub(super) fn record(&mut self, seen: Observation, lateness: Duration, now: Instant) {
        if seen.is_doubtful {
            return self.eligibility.doubt(now);
        }
        // All but the first came together with the answer before them.
        for _ in 1..seen.answers {
            self.eligibility
                .answered(Duration::ZERO, Duration::ZERO, now);
        }
        let Some(sent) = seen.latest_sent else {
            return;
        };
        let least = seen.slowest.saturating_sub(lateness);
        if seen.is_straggler {
            // It held up those behind it, whatever it waited for.
            self.eligibility.answered(seen.slowest, least, now);
        } else {
            let own = self.order.own_time(now - seen.slowest, now);
            let own = own.without(lateness);
            if own.overtaken > PROMPT {
                self.eligibility.answered(least, own.longest(), now);
            } else if least <= PROMPT || own.silence > PROMPT {
                self.eligibility.answered_after(own.silence, least, now);
            } else {
                self.eligibility.waited(least, now);
            }
        }
        self.order.record(sent, now);
    }

    /// The most recently used connection that is still open.
    fn take(&mut self, now: Instant) -> Option<Connection> {
        while let Some(Idle {
            mut connection,
            since,
        }) = self.idle.pop_back()
        {
            let idle_for = now.saturating_duration_since(since);
            if connection.is_open() && idle_for < LONGEST_IDLE {
                connection.has_rested = idle_for >= REST;
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection as idle, and drops the one idle for longest if its time is over.
    pub(super) fn put(&mut self, connection: Connection, now: Instant) {
        self.idle.push_back(Idle {
            connection,
            since: now,
        });
        if self.idle.front().is_some_and(|oldest| oldest.is_old(now)) {
            self.idle.pop_front();
        }
    }

    /// Closes the idle connections that the substation has closed or that have been idle for too long. Makes a system
    /// call only for those that are closed.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.idle
            .retain_mut(|idle| !idle.is_old(now) && idle.connection.is_open());
        if self.idle.capacity() > ROOM.max(4 * self.idle.len()) {
            self.idle.shrink_to(ROOM.max(2 * self.idle.len()));
        }
    }

    /// How many connections are idle.
    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        self.idle.len()
    }

    /// Whether an idle connection holds the memory of a large message.
    #[cfg(test)]
    pub(super) fn holds_large_buffers(&mut self) -> bool {
        let mut connections = self.idle.iter_mut().map(|idle| &mut idle.connection);
        connections.any(Connection::holds_large_buffer)
    }

    /// Acts as if pipelining had been earned and batches were expected.
    #[cfg(test)]
    pub(super) fn grant(&mut self) {
        let now = Instant::now();
        while !self.eligibility.is_eligible() {
            self.eligibility
                .answered(Duration::ZERO, Duration::ZERO, now);
        }
        self.batching = YIELDS_IN_VAIN;
    }

    /// Whether requests may be pipelined.
    #[cfg(test)]
    pub(super) fn is_eligible(&self) -> bool {
        self.eligibility.is_eligible()
    }
}
