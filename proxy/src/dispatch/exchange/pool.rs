//! Connections that wait for their next request.
//!
//! The one used last is taken first: it is the least likely to have been closed, its buffers are warm, and
//! those at the other end grow old and are let go when the rush is over.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::connection::Connection;

/// How long a connection may wait. Below the keep-alive time of common servers, so that it is this side
/// that closes: a request sent into the other side's close would be lost.
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// Idle connections to one substation.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: VecDeque<Idle>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// The freshest connection that is still open.
    pub(super) fn take(&mut self) -> Option<Connection> {
        while let Some(idle) = self.idle.pop_back() {
            if idle.connection.is_open() && idle.since.elapsed() < LONGEST_WAIT {
                return Some(idle.connection);
            }
        }
        None
    }

    /// Keeps a connection for later, and lets the longest-waiting go if its time is over.
    pub(super) fn put(&mut self, connection: Connection) {
        let now = Instant::now();
        self.idle.push_back(Idle {
            connection,
            since: now,
        });
        if self
            .idle
            .front()
            .is_some_and(|oldest| now - oldest.since >= LONGEST_WAIT)
        {
            self.idle.pop_front();
        }
    }
}
