//! The connections, and which request goes over which.
//!
//! A worker is a task with at most one connection, and handles one request at a time. Idle workers
//! stand in a row. Usually the one used last is used next, so a few connections stay busy and the
//! rest stay closed. When none is idle, another worker is started, up to the limit. Beyond the
//! limit a request is not sent, and is counted as such. It is not queued: the wait would be the
//! generator's, and would be blamed on the target.
//!
//! What does wait is the opening of connections. Only so many are opened at once, and a request
//! whose turn has not come takes any connection that becomes free. Without this limit, a target
//! that is slow for a moment would meet a thousand new connections, each dearer than the request,
//! and would never recover. The wait is the generator's own lag, and is reported as such.

mod state;
mod worker;

use std::io;
use std::sync::{Arc, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::access::Stream;
use crate::connection::explain;
use crate::error::Error;
use crate::job::{Crowd, Job};
use crate::tally::{Failure, Tally};
use crate::unplug::Unplugger;

pub(crate) use state::Destination;
use state::{MAX_OPENING, PoolState};
use worker::Worker;

/// The workers.
#[derive(Debug)]
pub(crate) struct Pool {
    state: Arc<PoolState>,
    mailboxes: Vec<mpsc::Sender<Job>>,
    workers: JoinSet<()>,
    /// An open connection for the first worker.
    first: Option<Stream>,
}

impl Pool {
    /// A pool for a target to which `first` is connected.
    pub(crate) fn new(
        destination: Destination,
        first: Stream,
        mut tally: Tally,
        unplugger: Option<Unplugger>,
    ) -> Self {
        tally.connections_opened = 1;
        Self {
            state: Arc::new(PoolState::new(destination, tally, unplugger)),
            mailboxes: Vec::new(),
            workers: JoinSet::new(),
            first: Some(first),
        }
    }

    /// Opens this many connections before the first request.
    pub(crate) async fn open(&mut self, clients: usize) -> Result<(), Error> {
        let mut opening = JoinSet::new();
        let missing = clients.saturating_sub(usize::from(self.first.is_some()));
        let mut left = missing;
        while left > 0 || !opening.is_empty() {
            while left > 0 && opening.len() < MAX_OPENING {
                left -= 1;
                let state = Arc::clone(&self.state);
                opening.spawn(async move {
                    let destination = &state.destination;
                    timeout(destination.timeout, destination.connect()).await
                });
            }
            let Some(Ok(opened)) = opening.join_next().await else {
                continue;
            };
            let stream = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            let stream = stream.map_err(|source| Error::Clients {
                opened: self.mailboxes.len() + 1,
                wanted: clients,
                why: explain(&source),
            })?;
            let first = self.first.replace(stream);
            self.state.state().tally.connections_opened += 1;
            self.add_idle(first);
        }
        if clients > 0 {
            let last = self.first.take();
            self.add_idle(last);
        }
        Ok(())
    }

    fn add_idle(&mut self, stream: Option<Stream>) {
        if let Some(stream) = stream {
            let number = self.start_worker(Some(stream));
            self.state.state().idle.push_back(number);
        }
    }

    /// Sends a request, or counts it as not sent.
    pub(crate) fn offer(&mut self, mut job: Job) {
        let Destination { limit, in_turn, .. } = self.state.destination;
        let idle = {
            let mut state = self.state.state();
            state.tally.offered(&job);
            let busy = self.mailboxes.len().saturating_sub(state.idle.len());
            job.crowd = Crowd::of(busy, limit);
            if in_turn {
                state.idle.pop_front()
            } else {
                state.idle.pop_back()
            }
        };
        let worker = idle.or_else(|| {
            let first = self.first.take();
            (self.mailboxes.len() < limit).then(|| self.start_worker(first))
        });
        let accepted = worker
            .and_then(|worker| self.mailboxes.get(worker))
            .is_some_and(|mailbox| mailbox.try_send(job).is_ok());
        if !accepted {
            let lag = job.taken();
            let mut state = self.state.state();
            state.tally.started(lag, lag);
            let why = || format!("all {limit} connections were busy");
            state.tally.failed(job.at + lag, Failure::NotSent, why);
        }
    }

    fn start_worker(&mut self, stream: Option<Stream>) -> usize {
        let number = self.mailboxes.len();
        // One job at a time: an idle worker's mailbox is empty.
        let (mailbox, jobs) = mpsc::channel(1);
        self.mailboxes.push(mailbox);
        let worker = Worker::new(number, Arc::clone(&self.state));
        self.workers.spawn(worker.run(stream, jobs));
        number
    }

    /// Reads from the counts.
    pub(crate) fn tally<T>(&self, read: impl FnOnce(&Tally) -> T) -> T {
        read(&self.state.state().tally)
    }

    /// The counts, once all workers have ended.
    pub(crate) fn into_tally(self) -> Result<Tally, Error> {
        let state = Arc::into_inner(self.state).ok_or(Error::Unfinished)?;
        let state = state.state.into_inner();
        Ok(state.unwrap_or_else(PoisonError::into_inner).tally)
    }

    /// Takes no more requests, so that each worker ends after its last one.
    pub(crate) fn close(&mut self) {
        self.mailboxes.clear();
    }

    /// After [`Pool::close`]: waits for the next worker to end; `false` means that all have ended.
    pub(crate) async fn worker_ended(&mut self) -> bool {
        // A worker that panicked lost its request; the check of the sum in the report will find
        // that.
        self.workers.join_next().await.is_some()
    }
}
