//! One HTTP/2 connection: accepts its requests, and decides when it ends.
//!
//! All that a turn of the event loop brings is handled in one poll: the frames that have come are read, each request among
//! them is given to [a task](super::tasks), and the answers that are ready leave in one write. The tasks run after that, in
//! the same turn, so their requests to one substation share a write, and the connection is polled again once for all their
//! answers.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use h2::{Reason, RecvStream, server};
use http::Request;
use pingora_core::{protocols::Stream, server::ShutdownWatch};
use tokio::time::Instant;
use tracing::debug;

use switchyard_wire::Code;

use super::{
    stream::{Received, Streams},
    tasks::StreamTasks,
    window::Window,
};
use crate::{client_connection::CLOSE_GRACE, deadline_timer::DeadlineTimer};

/// How many malformed requests end a connection.
const MOST_MALFORMED: u32 = 32;
/// How often tasks that are not needed any more are looked for.
const TIDY: Duration = Duration::from_secs(1);

/// A connection after its handshake.
pub(super) struct Connection {
    inner: server::Connection<Stream, Bytes>,
    tasks: StreamTasks<Streams>,
    /// The most requests at work.
    most: usize,
    /// The largest head of a request, in bytes.
    largest: usize,
    window: Window,
    /// Set by a read that finds a flood.
    flood: Arc<AtomicBool>,
    malformed: u32,
    has_asked: bool,
    is_ending: bool,
    is_aborted: bool,
    /// Since when nothing has been at work.
    idle_since: Option<Instant>,
    tidied: Instant,
    timer: DeadlineTimer,
}

impl Connection {
    /// A connection whose requests `streams` answers, at most `most` at once. A read that finds a flood sets `flood`.
    pub(super) fn new(
        inner: server::Connection<Stream, Bytes>,
        streams: Streams,
        most: u32,
        flood: Arc<AtomicBool>,
    ) -> Self {
        let now = Instant::now();
        let largest = streams.runtime().now().config.limits.head;
        let idle_tasks = streams.idle_tasks();
        let tasks = StreamTasks::new(streams, idle_tasks);
        Self {
            inner,
            most: usize::try_from(most).unwrap_or(usize::MAX),
            largest,
            window: Window::new(),
            tasks,
            flood,
            malformed: 0,
            has_asked: false,
            is_ending: false,
            is_aborted: false,
            idle_since: None,
            tidied: now,
            timer: DeadlineTimer::new(now + TIDY),
        }
    }

    /// Serves the connection to its end, which comes soon after `stop` says so.
    pub(super) async fn serve(mut self, mut stop: ShutdownWatch) {
        let mut stopped = pin!(async {
            // Without a sender the signal can't come any more.
            let _ = stop.wait_for(|stop| *stop).await;
        });
        poll_fn(|context| {
            if !self.is_ending && stopped.as_mut().poll(context).is_ready() {
                self.end();
            }
            loop {
                if self.poll_accept(context).is_ready() {
                    return Poll::Ready(());
                }
                if self.poll_idle(context).is_pending() {
                    return Poll::Pending;
                }
                if self.is_ending {
                    return Poll::Ready(());
                }
                self.end();
            }
        })
        .await;
    }

    /// Tells the client to ask nothing more here.
    fn end(&mut self) {
        self.inner.graceful_shutdown();
        self.is_ending = true;
        self.idle_since = None;
    }

    /// Ends the connection without an answer to what is at work.
    fn abort(&mut self) {
        self.inner.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        self.is_ending = true;
        self.is_aborted = true;
        self.idle_since = None;
    }

    /// Accepts all requests that have come, and drives all that is sent and received. Ready once the connection has ended.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(window) = self.window.changed() {
                self.inner.set_target_window_size(window);
            }
            let accepted = pin!(self.inner.accept()).poll(context);
            match accepted {
                Poll::Ready(Some(Ok((request, answer)))) => self.accept(request, answer),
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Ready(Some(Err(error))) => {
                    debug!(%error, "HTTP/2 connection failed");
                    return Poll::Ready(());
                }
                Poll::Pending if self.flood.load(Relaxed) && !self.is_aborted => {
                    debug!("HTTP/2 connection is flooded with frames that ask for nothing");
                    self.abort();
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn accept(&mut self, request: Request<RecvStream>, mut answer: server::SendResponse<Bytes>) {
        if self.tasks.at_work() >= self.most {
            let requests = &self.tasks.server().runtime().metrics.requests;
            requests.rejected(Code::Overloaded.name());
            answer.send_reset(Reason::REFUSED_STREAM);
            return;
        }
        self.has_asked = true;
        let mut request = Received::new(request, answer, self.largest);
        let server = self.tasks.server();
        if server.may_stay_unread(&request) {
            request.widen(&self.window, server.runtime());
        }
        let is_malformed = request.is_malformed();
        self.tasks.serve(request);
        if is_malformed {
            self.malformed += 1;
            if self.malformed == MOST_MALFORMED {
                self.abort();
            }
        }
    }

    /// Ready once nothing has been at work for as long as the connection may be idle.
    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.tasks.poll_idle(context).is_pending() {
                self.idle_since = None;
            } else if self.idle_since.is_none() {
                self.idle_since = Some(Instant::now());
            }
            let ends = self.idle_since.map(|since| since + self.patience());
            let tidies = self.tasks.has_idle().then(|| self.tidied + TIDY);
            let Some(next) = ends.into_iter().chain(tidies).min() else {
                return Poll::Pending;
            };
            if self.timer.poll_elapsed(next, context).is_pending() {
                return Poll::Pending;
            }
            if ends == Some(next) {
                return Poll::Ready(());
            }
            self.tasks.tidy();
            self.tidied = Instant::now();
        }
    }

    /// For how long nothing may be at work.
    fn patience(&self) -> Duration {
        if self.is_ending {
            return CLOSE_GRACE;
        }
        let timeouts = &self.tasks.server().runtime().now().config.timeouts;
        if self.has_asked {
            timeouts.idle
        } else {
            // A client connects to ask something.
            timeouts.client.min(timeouts.idle)
        }
    }
}
