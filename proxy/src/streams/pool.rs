//! The idle connections of one worker over which streams were answered.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

use parking_lot::Mutex;
use switchyard_grid::Substation;
use tokio::time::Instant;

use super::link::Connection;

/// How long a connection may be idle. Below the keep-alive time of common servers, so that this side closes first.
const LONGEST_IDLE: Duration = Duration::from_secs(4);
/// The most that are kept for one substation.
const MOST: usize = 64;

/// See the [module](self). By the ids of substations: an address may pass to another substation, an id does not.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<HashMap<u64, Idle>>);

#[derive(Debug, Default)]
struct Idle {
    /// The version of the transport over which they were made.
    version: u64,
    /// With the time since when each is idle; the last was used last.
    connections: Vec<(Connection, Instant)>,
}

impl Pool {
    /// The connection to this substation that was used last, if it is still open and what it was made with still holds.
    pub(super) fn take(&self, substation: &Substation, now: Instant) -> Option<Connection> {
        let mut pool = self.0.lock();
        let idle = pool.get_mut(&substation.id().get())?;
        if idle.version != substation.transport().version() {
            idle.connections.clear();
        }
        while let Some((mut connection, since)) = idle.connections.pop() {
            if connection.stream.is_open() && now.duration_since(since) < LONGEST_IDLE {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection to this substation that was made while its transport had this version.
    pub(crate) fn put(&self, substation: &Substation, version: u64, connection: Connection) {
        if substation.transport().version() != version {
            return;
        }
        let mut pool = self.0.lock();
        let idle = match pool.entry(substation.id().get()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Idle::default()),
        };
        if idle.version != version {
            idle.connections.clear();
            idle.version = version;
        }
        if idle.connections.len() < MOST {
            idle.connections.push((connection, Instant::now()));
        }
    }

    /// Closes connections that substations have closed, and those that were idle for too long.
    pub(crate) fn sweep(&self, now: Instant) {
        self.0.lock().retain(|_, idle| {
            idle.connections.retain_mut(|(connection, since)| {
                connection.stream.is_open() && now.duration_since(*since) < LONGEST_IDLE
            });
            !idle.connections.is_empty()
        });
    }
}
