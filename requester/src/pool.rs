//! The connections, and who asks over which.
//!
//! A worker is a task with at most one connection, and does one request at a time. Those without work lie
//! in a row, and usually the one used last is used next: few stay warm and the rest stay closed. When none
//! is idle another worker is made, up to the limit; beyond it a request is not sent, and counted so. It is
//! not queued: the wait would be the tester's and would be blamed on the target.
//!
//! What does wait is the opening of connections: only so many are opened at once, and a request whose turn
//! has not come takes any connection that becomes free. Without that, a target that is slow for a moment
//! is met by a thousand new connections, each dearer than the request, and never recovers. The wait is the
//! tester's own lag, and reported as such.

mod worker;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::link::connect;
use crate::tally::{Failure, Tally};
use crate::unplug::Unplugger;
use crate::vehicle::Vehicle;
use crate::{Error, Target};

use worker::{Worker, what_to_do};

/// So many connections are opened at once.
const OPENING: usize = 64;

/// A request to be sent now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    /// When it was meant to leave, which is where its latency begins.
    pub(crate) due: Instant,
    /// The same since the start of the run.
    pub(crate) at: Duration,
    pub(crate) vehicle: Vehicle,
}

/// Where requests go, and how.
#[derive(Clone, Debug)]
pub(crate) struct Aim {
    pub(crate) target: Target,
    pub(crate) address: SocketAddr,
    pub(crate) timeout: Duration,
    /// The most connections.
    pub(crate) limit: usize,
    /// Use them in turn rather than the last one first.
    pub(crate) in_turn: bool,
}

/// What all workers share.
#[derive(Debug)]
struct Shared {
    aim: Aim,
    unplugger: Option<Unplugger>,
    opening: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tally: Tally,
    /// The numbers of the workers that have nothing to do; the next one to be used is the last.
    idle: VecDeque<usize>,
    /// Requests that wait for a connection to be opened, or to become free. For each of them a worker waits
    /// for its turn to open one, so none is forgotten.
    waiting: VecDeque<Job>,
}

impl Shared {
    /// Held for some counting only, never while anything is waited for.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The workers.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
    mailboxes: Vec<mpsc::Sender<Job>>,
    workers: JoinSet<()>,
    /// An open connection for the first worker.
    first: Option<TcpStream>,
}

impl Pool {
    /// A pool for a target to which `first` is connected.
    pub(crate) fn new(
        aim: Aim,
        first: TcpStream,
        mut tally: Tally,
        unplugger: Option<Unplugger>,
    ) -> Self {
        tally.connections_opened = 1;
        let state = State {
            tally,
            idle: VecDeque::new(),
            waiting: VecDeque::new(),
        };
        Self {
            shared: Arc::new(Shared {
                aim,
                unplugger,
                opening: Semaphore::new(OPENING),
                state: Mutex::new(state),
            }),
            mailboxes: Vec::new(),
            workers: JoinSet::new(),
            first: Some(first),
        }
    }

    /// Opens so many connections before the first request.
    pub(crate) async fn open(&mut self, clients: usize) -> Result<(), Error> {
        let mut opening = JoinSet::new();
        let missing = clients.saturating_sub(usize::from(self.first.is_some()));
        let mut left = missing;
        while left > 0 || !opening.is_empty() {
            while left > 0 && opening.len() < OPENING {
                left -= 1;
                opening.spawn(timeout(
                    self.shared.aim.timeout,
                    connect(self.shared.aim.address),
                ));
            }
            let Some(Ok(opened)) = opening.join_next().await else {
                continue;
            };
            let stream = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            let stream = stream.map_err(|source| Error::Clients {
                opened: self.mailboxes.len() + 1,
                wanted: clients,
                why: what_to_do(&source),
            })?;
            let first = self.first.replace(stream);
            self.shared.state().tally.connections_opened += 1;
            self.make_idle(first);
        }
        if clients > 0 {
            let last = self.first.take();
            self.make_idle(last);
        }
        Ok(())
    }

    fn make_idle(&mut self, stream: Option<TcpStream>) {
        if let Some(stream) = stream {
            let number = self.hire(Some(stream));
            self.shared.state().idle.push_back(number);
        }
    }

    /// Sends a request, or counts why it can't.
    pub(crate) fn offer(&mut self, job: Job) {
        let Aim { limit, in_turn, .. } = self.shared.aim;
        let idle = {
            let mut state = self.shared.state();
            state.tally.offered(&job);
            if in_turn {
                state.idle.pop_front()
            } else {
                state.idle.pop_back()
            }
        };
        let worker = idle.or_else(|| {
            let first = self.first.take();
            (self.mailboxes.len() < limit).then(|| self.hire(first))
        });
        let taken = worker
            .and_then(|worker| self.mailboxes.get(worker))
            .is_some_and(|mailbox| mailbox.try_send(job).is_ok());
        if !taken {
            let behind = job.due.elapsed();
            let mut state = self.shared.state();
            state.tally.started(behind);
            let why = || format!("all {limit} connections were busy");
            state.tally.failed(job.at + behind, Failure::NotSent, why);
        }
    }

    fn hire(&mut self, fresh: Option<TcpStream>) -> usize {
        let number = self.mailboxes.len();
        // One job at a time: an idle worker's mailbox is empty.
        let (mailbox, jobs) = mpsc::channel(1);
        self.mailboxes.push(mailbox);
        let worker = Worker::new(number, Arc::clone(&self.shared));
        self.workers.spawn(worker.run(fresh, jobs));
        number
    }

    /// Looks at the counts.
    pub(crate) fn tally<T>(&self, look: impl FnOnce(&Tally) -> T) -> T {
        look(&self.shared.state().tally)
    }

    /// After all workers have ended: the counts.
    pub(crate) fn into_tally(self) -> Result<Tally, Error> {
        let shared = Arc::into_inner(self.shared).ok_or(Error::Unfinished)?;
        let state = shared.state.into_inner();
        Ok(state.unwrap_or_else(PoisonError::into_inner).tally)
    }

    /// Takes no more requests, so that workers end when theirs have.
    pub(crate) fn close(&mut self) {
        self.mailboxes.clear();
    }

    /// After [`Pool::close`]: waits for the next worker to end; `false`: all have.
    pub(crate) async fn worker_ended(&mut self) -> bool {
        // A worker that panicked took a request with it; the sum in the report will tell.
        self.workers.join_next().await.is_some()
    }
}

#[cfg(test)]
impl Job {
    /// A request of a usual car, due now.
    pub(crate) fn test(at: Duration, energy_kwh: f64) -> Self {
        Self {
            due: Instant::now(),
            at,
            vehicle: Vehicle {
                run: 1,
                number: 1,
                power_kw: 11.0,
                energy_kwh,
                malformed: None,
                unplug_after: None,
            },
        }
    }
}
