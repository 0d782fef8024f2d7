//! The connections of one lane to one substation: those that wait for their next request, those that several
//! requests share, and what the substation has earned.
//!
//! Of those that wait, the one used last is taken first: it is the least likely to have been closed, and those
//! at the other end grow old and are let go when the rush is over.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    connection::Connection,
    eligibility::{PROMPT, PipelineEligibility},
    pipelined_connection::{Observation, PipelinedConnection},
};

/// How long a connection may wait. Below the keep-alive time of common servers, so that it is this side
/// that closes: a request sent into the other side's close would be lost.
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// The largest body of a request that shares a connection. What is larger would keep the others waiting while
/// it is written.
const LARGEST_PIPELINED: usize = 4 * 1024;

/// After requests left together, batching is expected until so many have stood back for it in vain. Where none is
/// expected and nobody else is under way, a request need not wait for the rest of its turn.
const BATCHING: u32 = 16;

/// Connections to one substation.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: VecDeque<Idle>,
    shared: Vec<Arc<PipelinedConnection>>,
    eligibility: PipelineEligibility,
    in_flight: usize,
    batching: u32,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

/// How a request is to go.
#[derive(Debug)]
pub(super) enum Lease {
    /// On a connection of its own; none if one has to be made.
    Exclusive(Option<Connection>),
    /// With others, on a connection that is yet to be shared; none if one has to be made.
    FirstShared(Option<Connection>),
    /// With those that are on this connection already.
    Shared(Arc<PipelinedConnection>),
}

impl Pool {
    /// One more request is under way to the substation.
    pub(super) fn enter(&mut self) {
        self.in_flight += 1;
    }

    /// So many requests left together, after one had stood back for others.
    pub(super) fn record_batch(&mut self, requests: usize) {
        self.batching = if requests > 1 {
            BATCHING
        } else {
            self.batching.saturating_sub(1)
        };
    }

    /// One less is.
    pub(super) fn exit(&mut self) {
        self.in_flight -= 1;
    }

    /// How a request with a body of so many bytes is to go, if at most `most` share a connection.
    /// A lane that is late by `lateness` waits for others as much longer.
    pub(super) fn lease(
        &mut self,
        body: usize,
        most: usize,
        lateness: Duration,
        now: Instant,
    ) -> Lease {
        let expects_batch = self.in_flight > 1 || self.batching > 0;
        let may_share = most > 1
            && expects_batch
            && self.eligibility.is_eligible()
            && body <= LARGEST_PIPELINED;
        if !may_share {
            return Lease::Exclusive(self.take(now));
        }
        let is_joinable =
            |shared: &&Arc<PipelinedConnection>| shared.is_joinable(most, PROMPT + turn_time, now);
        match self.shared.iter().rev().find(is_joinable) {
            Some(shared) => Lease::Shared(Arc::clone(shared)),
            None => Lease::FirstShared(self.take(now)),
        }
    }

    /// Lets others share a connection.
    pub(super) fn share(&mut self, connection: Connection) -> Arc<PipelinedConnection> {
        let shared = Arc::new(PipelinedConnection::new(connection));
        self.shared.push(Arc::clone(&shared));
        shared
    }

    /// Nobody joins a shared connection any more.
    pub(super) fn unshare(&mut self, shared: &Arc<PipelinedConnection>) {
        self.shared.retain(|other| !Arc::ptr_eq(other, shared));
    }

    /// A connection that nobody shares any more waits for its next request, if it is as good as before.
    pub(super) fn reclaim(&mut self, shared: Option<Arc<PipelinedConnection>>) {
        let connection = shared
            .and_then(Arc::into_inner)
            .and_then(PipelinedConnection::into_connection);
        if let Some(connection) = connection {
            self.put(connection, Instant::now());
        }
    }

    /// Learns from answers that came together, to a lane that may have been late by `lateness`.
    pub(super) fn record(&mut self, seen: Observation, lateness: Duration, now: Instant) {
        if seen.is_doubtful {
            return self.eligibility.doubt(now);
        }
        // All but the first came with the one before.
        for _ in 1..seen.answers {
            self.eligibility
                .answered(Duration::ZERO, Duration::ZERO, now);
        }
        if seen.answers > 0 {
            let least = seen.slowest.saturating_sub(lateness);
            let took = if seen.is_straggler {
                seen.slowest
            } else {
                least
            };
            self.eligibility.answered(took, least, now);
        }
    }

    /// The freshest connection that is still open.
    fn take(&mut self, now: Instant) -> Option<Connection> {
        while let Some(idle) = self.idle.pop_back() {
            let waited = now.saturating_duration_since(idle.since);
            if idle.connection.is_open() && waited < LONGEST_WAIT {
                return Some(idle.connection);
            }
        }
        None
    }

    /// Keeps a connection for later, and lets the longest-waiting go if its time is over.
    pub(super) fn put(&mut self, connection: Connection, now: Instant) {
        self.idle.push_back(Idle {
            connection,
            since: now,
        });
        let is_old = |oldest: &Idle| now.saturating_duration_since(oldest.since) >= LONGEST_WAIT;
        if self.idle.front().is_some_and(is_old) {
            self.idle.pop_front();
        }
    }

    /// As if it had earned it, and batching were expected.
    #[cfg(test)]
    pub(super) fn grant(&mut self) {
        let now = Instant::now();
        while !self.eligibility.is_eligible() {
            self.eligibility
                .answered(Duration::ZERO, Duration::ZERO, now);
        }
        self.batching = BATCHING;
    }

    /// Whether requests may share a connection.
    #[cfg(test)]
    pub(super) fn is_eligible(&self) -> bool {
        self.eligibility.is_eligible()
    }
}
