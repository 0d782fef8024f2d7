//! What the workers of a pool share.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::access::{Access, Stream};
use crate::connection::connect;
use crate::job::Job;
use crate::labels::Labels;
use crate::tally::Tally;
use crate::target::Target;
use crate::unplug::Unplugger;

/// The most connections that are being opened at once.
pub(super) const MAX_OPENING: usize = 64;

/// Where requests go, and how.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) target: Target,
    pub(crate) address: SocketAddr,
    pub(crate) timeout: Duration,
    /// What cars ask for besides power and energy.
    pub(crate) labels: Labels,
    /// The most connections.
    pub(crate) limit: usize,
    /// Use connections in turn, instead of the one used last first.
    pub(crate) in_turn: bool,
    pub(crate) access: Access,
}

impl Destination {
    pub(super) async fn connect(&self) -> io::Result<Stream> {
        connect(&self.target, self.address, &self.access).await
    }
}

/// What all workers share.
#[derive(Debug)]
pub(super) struct PoolState {
    pub(super) destination: Destination,
    pub(super) unplugger: Option<Unplugger>,
    pub(super) opening: Semaphore,
    pub(super) state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) tally: Tally,
    /// The numbers of the idle workers; the next to be used is the last.
    pub(super) idle: VecDeque<usize>,
    /// Requests that wait for a connection to be opened or to become free. For each of them a
    /// worker waits for its turn to open a connection, so no request is forgotten.
    pub(super) waiting: VecDeque<Job>,
}

impl PoolState {
    pub(super) fn new(
        destination: Destination,
        tally: Tally,
        unplugger: Option<Unplugger>,
    ) -> Self {
        Self {
            destination,
            unplugger,
            opening: Semaphore::new(MAX_OPENING),
            state: Mutex::new(State {
                tally,
                idle: VecDeque::new(),
                waiting: VecDeque::new(),
            }),
        }
    }

    /// Held only while counting, never across a wait.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
