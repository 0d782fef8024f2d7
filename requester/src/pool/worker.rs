//! A worker: one connection, one request after the other.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use tokio::net::TcpStream;
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Job, Shared};
use crate::answer::{Answer, Keep};
use crate::link::{Ask, Link, NoAnswer, connect};
use crate::tally::Failure;
use crate::vehicle::Vehicle;

/// A body is some 70 bytes; this many share one allocation.
const BODIES: usize = 4096;

/// A task with at most one connection.
pub(super) struct Worker {
    number: usize,
    shared: Arc<Shared>,
    link: Option<Link>,
    bodies: BytesMut,
}

impl Worker {
    pub(super) fn new(number: usize, shared: Arc<Shared>) -> Self {
        Self {
            number,
            shared,
            link: None,
            bodies: BytesMut::new(),
        }
    }

    /// Works until its mailbox is closed.
    pub(super) async fn run(mut self, fresh: Option<TcpStream>, mut jobs: mpsc::Receiver<Job>) {
        if let Some(stream) = fresh {
            // If this fails, the first request finds no link and opens one.
            self.link = Link::over(stream).await.ok();
        }
        while let Some(job) = self.next(&mut jobs).await {
            let mut next = if self.link.is_some() {
                Some(job)
            } else {
                self.open(job).await
            };
            while let Some(job) = next {
                next = self.serve(job).await;
            }
            let mut state = self.shared.state();
            if self.link.is_some() || self.shared.aim.in_turn {
                state.idle.push_back(self.number);
            } else {
                // Those with a connection come first.
                state.idle.push_front(self.number);
            }
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

    /// Waits for its turn to open a connection. By then another may have taken the request; the one that
    /// comes back is the one that has waited longest.
    async fn open(&mut self, job: Job) -> Option<Job> {
        self.shared.state().waiting.push_back(job);
        // It is never closed, so there always is a turn.
        let turn = self.shared.opening.acquire().await;
        let job = self.shared.state().waiting.pop_front()?;
        if job.due.elapsed() < self.shared.aim.timeout {
            let opened = timeout(self.shared.aim.timeout, self.connect()).await;
            drop(turn);
            match opened {
                Ok(Ok(link)) => self.link = Some(link),
                Ok(Err((failure, why))) => return self.fail(&job, failure, why),
                Err(_) => return self.fail(&job, Failure::TimedOut, self.too_long()),
            }
            return Some(job);
        }
        self.fail(
            &job,
            Failure::TimedOut,
            "no connection could be opened in time".to_owned(),
        )
    }

    /// Counts a request that never got a connection.
    fn fail(&self, job: &Job, failure: Failure, why: String) -> Option<Job> {
        let behind = job.due.elapsed();
        let mut state = self.shared.state();
        state.tally.started(behind);
        state.tally.failed(job.at + behind, failure, || why);
        None
    }

    fn too_long(&self) -> String {
        format!("no complete answer within {:?}", self.shared.aim.timeout)
    }

    /// Asks, and counts how it ended. What comes back is a request that waits for a connection, if there is
    /// one here to be had.
    async fn serve(&mut self, job: Job) -> Option<Job> {
        let behind = job.due.elapsed();
        // What is cut off here drops its connection, as an answer may still come on it.
        let ended = timeout(self.shared.aim.timeout, self.exchange(&job.vehicle)).await;
        let latency = job.due.elapsed();
        let ended_at = job.at + latency;
        if let (Ok(Ok(answer)), Some(unplugger)) = (&ended, &self.shared.unplugger) {
            unplugger.booked(&job.vehicle, answer);
        }
        let mut state = self.shared.state();
        state.tally.started(behind);
        match ended {
            Ok(Ok(answer)) => state.tally.answered(&job, latency, &answer),
            Ok(Err((failure, why))) => state.tally.failed(ended_at, failure, || why),
            Err(_) => state
                .tally
                .failed(ended_at, Failure::TimedOut, || self.too_long()),
        }
        self.link.as_ref()?;
        state.waiting.pop_front()
    }

    /// One request, one answer. A kept connection that turns out to be closed before a byte was sent is
    /// replaced; nothing that may have reached the target is ever sent again.
    async fn exchange(&mut self, vehicle: &Vehicle) -> Result<Answer, (Failure, String)> {
        let mut ask = self.ask(vehicle);
        let keep = if vehicle.unplug_after.is_some() {
            Keep::All
        } else {
            Keep::Refusals
        };
        let mut kept = self.link.take();
        loop {
            let was_kept = kept.is_some();
            let mut link = match kept.take() {
                Some(link) => link,
                None => self.connect().await?,
            };
            if was_kept && !link.ready().await {
                continue;
            }
            match link.ask(ask, keep).await {
                Ok(answer) => {
                    self.link = Some(link);
                    return Ok(answer);
                }
                Err(NoAnswer::Unsent(unsent, _)) if was_kept => ask = *unsent,
                Err(no_answer) => return Err((Failure::Broken, told(no_answer.error()))),
            }
        }
    }

    async fn connect(&self) -> Result<Link, (Failure, String)> {
        let stream = connect(self.shared.aim.address).await;
        let stream = stream.map_err(|error| (Failure::Connect, what_to_do(&error)))?;
        self.shared.state().tally.connections_opened += 1;
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
        *ask.uri_mut() = self.shared.aim.target.path();
        let headers = ask.headers_mut();
        headers.insert(HOST, self.shared.aim.target.host_header());
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

/// What went wrong with a connection that could not be opened, and what helps.
pub(super) fn what_to_do(error: &io::Error) -> String {
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
