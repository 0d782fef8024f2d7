//! A worker: one connection, one request after the other.

use std::sync::Arc;

use bytes::BytesMut;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::state::{Destination, PoolState};
use crate::access::Stream;
use crate::answer::{Answer, KeepBody};
use crate::connection::{Connection, OutgoingRequest, SendError, explain};
use crate::job::Job;
use crate::tally::Failure;
use crate::vehicle::Vehicle;

/// Bytes of one allocation, which many bodies of some 70 bytes share.
const BODIES: usize = 4096;

/// A task with at most one connection.
pub(super) struct Worker {
    number: usize,
    state: Arc<PoolState>,
    connection: Option<Connection>,
    bodies: BytesMut,
}

impl Worker {
    pub(super) fn new(number: usize, state: Arc<PoolState>) -> Self {
        Self {
            number,
            state,
            connection: None,
            bodies: BytesMut::new(),
        }
    }

    /// Works until its mailbox is closed. `stream` is a connection for its first request.
    pub(super) async fn run(mut self, stream: Option<Stream>, mut jobs: mpsc::Receiver<Job>) {
        if let Some(stream) = stream {
            // If this fails, the first request finds no connection and opens one.
            self.connection = Connection::over(stream).await.ok();
        }
        while let Some(job) = self.next(&mut jobs).await {
            let mut next = if self.connection.is_some() {
                Some(job)
            } else {
                self.open(job).await
            };
            while let Some(job) = next {
                next = self.serve(job).await;
            }
            let mut state = self.state.state();
            if self.connection.is_some() || self.state.destination.in_turn {
                state.idle.push_back(self.number);
            } else {
                // Workers with a connection are used first.
                state.idle.push_front(self.number);
            }
        }
    }

    /// Waits for a job, and notices meanwhile if the target closes the connection.
    async fn next(&mut self, jobs: &mut mpsc::Receiver<Job>) -> Option<Job> {
        if let Some(connection) = &mut self.connection {
            select! {
                biased;
                () = connection.closed() => self.connection = None,
                job = jobs.recv() => return job,
            }
        }
        jobs.recv().await
    }

    /// Waits for its turn to open a connection. Another worker may take the request meanwhile; then
    /// this worker gets the request that has waited longest.
    async fn open(&mut self, mut job: Job) -> Option<Job> {
        job.taken();
        self.state.state().waiting.push_back(job);
        // The semaphore is never closed, so the turn always comes.
        let turn = self.state.opening.acquire().await;
        let mut job = self.state.state().waiting.pop_front()?;
        let limit = self.state.destination.timeout;
        if job.due.elapsed() < limit {
            let opened = timeout(limit, self.connect()).await;
            drop(turn);
            match opened {
                Ok(Ok(connection)) => self.connection = Some(connection),
                Ok(Err((failure, why))) => return self.fail(&mut job, failure, why),
                Err(_) => return self.fail(&mut job, Failure::TimedOut, self.too_slow()),
            }
            return Some(job);
        }
        self.fail(
            &mut job,
            Failure::TimedOut,
            "no connection could be opened in time".to_owned(),
        )
    }

    /// Counts a request that never got a connection.
    fn fail(&self, job: &mut Job, failure: Failure, why: String) -> Option<Job> {
        let (own, lag) = (job.taken(), job.due.elapsed());
        let mut state = self.state.state();
        state.tally.started(lag, own);
        state.tally.failed(job.at + lag, failure, || why);
        None
    }

    fn too_slow(&self) -> String {
        let limit = self.state.destination.timeout;
        format!("no complete answer within {limit:?}")
    }

    /// Sends a request, and counts how it ended. Returns a waiting request, if there is one and the
    /// connection is still open.
    async fn serve(&mut self, mut job: Job) -> Option<Job> {
        let (own, lag) = (job.taken(), job.due.elapsed());
        // The timeout drops the connection, because an answer may still come on it.
        let limit = self.state.destination.timeout;
        let ended = timeout(limit, self.exchange(&job.vehicle)).await;
        let latency = job.due.elapsed();
        let ended_at = job.at + latency;
        if let (Ok(Ok(answer)), Some(unplugger)) = (&ended, &self.state.unplugger) {
            unplugger.booked(&job.vehicle, answer);
        }
        let mut state = self.state.state();
        state.tally.started(lag, own);
        match ended {
            Ok(Ok(answer)) => state.tally.answered(&job, latency, &answer),
            Ok(Err((failure, why))) => state.tally.failed(ended_at, failure, || why),
            Err(_) => state
                .tally
                .failed(ended_at, Failure::TimedOut, || self.too_slow()),
        }
        self.connection.as_ref()?;
        state.waiting.pop_front()
    }

    /// One request, one answer. A kept connection that turns out to be closed before a byte was
    /// sent is replaced. A request that may have reached the target is never sent again.
    async fn exchange(&mut self, vehicle: &Vehicle) -> Result<Answer, (Failure, String)> {
        let mut request = self.request(vehicle);
        let keep = if vehicle.unplug_after.is_some() {
            KeepBody::All
        } else {
            KeepBody::Refusals
        };
        let mut kept = self.connection.take();
        loop {
            let was_kept = kept.is_some();
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            if was_kept && !connection.ready().await {
                continue;
            }
            match connection.send(request, keep).await {
                Ok(answer) => {
                    self.connection = Some(connection);
                    return Ok(answer);
                }
                Err(SendError::Unsent(unsent, _)) if was_kept => request = *unsent,
                Err(error) => return Err((Failure::Broken, with_source(error.cause()))),
            }
        }
    }

    async fn connect(&self) -> Result<Connection, (Failure, String)> {
        let stream = self.state.destination.connect().await;
        let stream = stream.map_err(|error| (Failure::Connect, explain(&error)))?;
        self.state.state().tally.connections_opened += 1;
        let connection = Connection::over(stream).await;
        connection.map_err(|error| (Failure::Broken, with_source(&error)))
    }

    fn request(&mut self, vehicle: &Vehicle) -> OutgoingRequest {
        let Destination {
            target,
            labels,
            access,
            ..
        } = &self.state.destination;
        self.bodies.reserve(BODIES / 16);
        // Writing into a growing buffer never fails.
        let _ = labels.write_body(vehicle, &mut self.bodies);
        let body = self.bodies.split().freeze();
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.path();
        let headers = request.headers_mut();
        headers.insert(HOST, target.host_header());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(bearer) = &access.bearer {
            headers.insert(AUTHORIZATION, bearer.clone());
        }
        labels.insert_headers(vehicle, headers);
        request
    }
}

/// hyper's errors name their cause only as their source.
fn with_source(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
