//! The connections, and who asks over which.
//!
//! A worker is a task with at most one connection, and does one request at a time. Those without work lie
//! on a stack, so that the connection used last is used next: few stay warm and the rest stay closed. When
//! none is idle another worker is made, up to the limit; beyond it a request is not sent, and counted so.
//! It is not queued: the wait would be the tester's and would be blamed on the target.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use tokio::net::TcpStream;
use tokio::select;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::Target;
use crate::answer::Answer;
use crate::link::{Ask, Link, NoAnswer, connect};
use crate::tally::{Failure, Tally};
use crate::vehicle::Vehicle;

/// A body is some 70 bytes; this many share one allocation.
const BODIES: usize = 4096;

/// A request to be sent now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    /// When it was meant to leave, which is where its latency begins.
    pub(crate) due: Instant,
    pub(crate) vehicle: Vehicle,
}

/// What all workers share.
#[derive(Debug)]
struct Shared {
    target: Target,
    address: SocketAddr,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tally: Tally,
    /// The numbers of the workers that have nothing to do, the last one used on top.
    idle: Vec<usize>,
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
    limit: usize,
    /// An open connection for the first worker.
    first: Option<TcpStream>,
}

impl Pool {
    /// A pool for a target that answered at `address`, where `first` is already connected.
    pub(crate) fn new(
        (target, timeout, limit): (Target, Duration, usize),
        (address, first): (SocketAddr, TcpStream),
        mut tally: Tally,
    ) -> Self {
        tally.connections_opened = 1;
        let state = State {
            tally,
            idle: Vec::new(),
        };
        Self {
            shared: Arc::new(Shared {
                target,
                address,
                timeout,
                state: Mutex::new(state),
            }),
            mailboxes: Vec::new(),
            workers: JoinSet::new(),
            limit,
            first: Some(first),
        }
    }

    /// Sends a request, or counts why it can't.
    pub(crate) fn offer(&mut self, job: Job) {
        let idle = {
            let mut state = self.shared.state();
            state.tally.offered += 1;
            state.idle.pop()
        };
        let worker = idle.or_else(|| self.hire());
        let taken = worker
            .and_then(|worker| self.mailboxes.get(worker))
            .is_some_and(|mailbox| mailbox.try_send(job).is_ok());
        if !taken {
            let limit = self.limit;
            let mut state = self.shared.state();
            state.tally.started(job.due.elapsed());
            let why = || format!("all {limit} connections were busy");
            state.tally.failed(Failure::NotSent, why);
        }
    }

    fn hire(&mut self) -> Option<usize> {
        let number = self.mailboxes.len();
        if number >= self.limit {
            return None;
        }
        // One job at a time: an idle worker's mailbox is empty.
        let (mailbox, jobs) = mpsc::channel(1);
        self.mailboxes.push(mailbox);
        let worker = Worker {
            number,
            shared: Arc::clone(&self.shared),
            link: None,
            fresh: self.first.take(),
            bodies: BytesMut::new(),
        };
        self.workers.spawn(worker.run(jobs));
        Some(number)
    }

    /// Looks at the counts.
    pub(crate) fn tally<T>(&self, look: impl FnOnce(&Tally) -> T) -> T {
        look(&self.shared.state().tally)
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

struct Worker {
    number: usize,
    shared: Arc<Shared>,
    link: Option<Link>,
    /// Connected, but not used yet.
    fresh: Option<TcpStream>,
    bodies: BytesMut,
}

impl Worker {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = self.next(&mut jobs).await {
            let behind = job.due.elapsed();
            let limit = self.shared.timeout;
            // What is cut off here drops its connection, as an answer may still come on it.
            let ended = timeout(limit, self.exchange(&job.vehicle)).await;
            let latency = job.due.elapsed();
            let mut state = self.shared.state();
            state.tally.started(behind);
            match ended {
                Ok(Ok(answer)) => state.tally.answered(latency, &answer),
                Ok(Err((failure, why))) => state.tally.failed(failure, || why),
                Err(_) => {
                    let why = || format!("no complete answer within {limit:?}");
                    state.tally.failed(Failure::TimedOut, why);
                }
            }
            state.idle.push(self.number);
        }
    }

    /// Waits for work, and meanwhile notices if the target closes the connection.
    async fn next(&mut self, jobs: &mut mpsc::Receiver<Job>) -> Option<Job> {
        if let Some(link) = &mut self.link {
            select! {
                biased;
                () = link.closed() => self.link = None,
                job = jobs.recv() => return job,
            }
        }
        jobs.recv().await
    }

    /// One request, one answer. A kept connection that turns out to be closed before a byte was sent is
    /// replaced; nothing that may have reached the target is ever sent again.
    async fn exchange(&mut self, vehicle: &Vehicle) -> Result<Answer, (Failure, String)> {
        let mut ask = self.ask(vehicle);
        loop {
            let (mut link, kept) = match self.link.take() {
                Some(link) => (link, true),
                None => (self.connect().await?, false),
            };
            if kept && !link.ready().await {
                continue;
            }
            match link.ask(ask).await {
                Ok(answer) => {
                    self.link = Some(link);
                    return Ok(answer);
                }
                Err(NoAnswer::Unsent(unsent, _)) if kept => ask = *unsent,
                Err(no_answer) => return Err((Failure::Broken, told(no_answer.error()))),
            }
        }
    }

    async fn connect(&mut self) -> Result<Link, (Failure, String)> {
        let stream = if let Some(stream) = self.fresh.take() {
            stream
        } else {
            let stream = connect(self.shared.address).await;
            let stream = stream.map_err(|error| (Failure::Connect, what_to_do(&error)))?;
            self.shared.state().tally.connections_opened += 1;
            stream
        };
        let link = Link::over(stream).await;
        link.map_err(|error| (Failure::Broken, told(&error)))
    }

    fn ask(&mut self, vehicle: &Vehicle) -> Ask {
        self.bodies.reserve(BODIES / 16);
        // Writing into a buffer that grows never fails.
        let _ = vehicle.write_body(&mut self.bodies);
        let body = self.bodies.split().freeze();
        let mut ask = Request::new(Full::new(body));
        *ask.method_mut() = Method::POST;
        *ask.uri_mut() = self.shared.target.path();
        let headers = ask.headers_mut();
        headers.insert(HOST, self.shared.target.host_header());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        ask
    }
}

/// hyper's errors name their cause only as a source.
fn told(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn what_to_do(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => {
            format!("{error}: no local port is left; use fewer connections")
        }
        _ if is_out_of_files(error) => {
            format!("{error}: raise the limit (ulimit -n), or use fewer connections")
        }
        _ => error.to_string(),
    }
}

#[cfg(unix)]
fn is_out_of_files(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let code = error.raw_os_error();
    code == Some(Errno::EMFILE as i32) || code == Some(Errno::ENFILE as i32)
}

#[cfg(not(unix))]
fn is_out_of_files(_error: &io::Error) -> bool {
    false
}
