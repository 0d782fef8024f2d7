//! The tasks that answer the requests of one connection.
//!
//! Each request has a task to itself while it is answered: a slow one delays no other, a panic ends that request alone, and
//! a request that may be booked already goes on if its connection ends. But to make a task for each request costs more than
//! to choose its substation: its memory is allocated and moved, it enters and leaves the list of all tasks, and its timer
//! is set and removed. So a task that has answered waits for the next request of the connection, and keeps its timer.
//!
//! How many wait is what the connection needed of late: the task that ended last is taken first, and
//! [`StreamTasks::tidy`], called now and then, ends those that were not needed since it was called before. Each that waits
//! keeps some 3 KiB, and `limits.requests` does not bound them, so all connections of a worker together keep at most
//! [`MOST_IDLE`].

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

use crate::deadline_timer::DeadlineTimer;

/// How many tasks of one worker may wait for a request.
const MOST_IDLE: usize = 1_024;

/// Counts the tasks of one worker that wait for a request.
#[derive(Debug, Default)]
pub(in crate::ingress) struct IdleTasks(AtomicUsize);

impl IdleTasks {
    /// Counts one more, if there may be one more.
    fn enter(&self) -> bool {
        let may_enter = self.0.load(Relaxed) < MOST_IDLE;
        if may_enter {
            self.0.fetch_add(1, Relaxed);
        }
        may_enter
    }

    fn leave(&self, tasks: usize) {
        self.0.fetch_sub(tasks, Relaxed);
    }
}

/// Answers requests.
pub(super) trait Serve: Send + Sync + 'static {
    /// What is known of a request once its head has come.
    type Request: Send + 'static;

    /// Answers one request. `timer` is the task's, once it has needed one.
    fn serve(
        &self,
        request: Self::Request,
        timer: &mut Option<DeadlineTimer>,
    ) -> impl Future<Output = ()> + Send;
}

/// The tasks of one connection. When it is dropped, tasks at work go on, and all end after that.
pub(super) struct StreamTasks<S: Serve> {
    server: Arc<S>,
    shared: Arc<Shared<S::Request>>,
}

/// What the connection and its tasks share. They are on one thread, so no lock is ever waited for.
struct Shared<R> {
    state: Mutex<State<R>>,
    /// Counts those of `idle`, and of the worker's other connections.
    all_idle: Arc<IdleTasks>,
}

struct State<R> {
    /// Requests that have been given to a task and are not answered, including those whose streams were reset.
    at_work: usize,
    /// Tasks that wait, the one that ended last behind the others.
    idle: VecDeque<Arc<Seat<R>>>,
    /// The fewest that have waited since the last look.
    unneeded: usize,
    /// Woken once nothing is at work.
    connection: Option<Waker>,
    is_over: bool,
}

/// Where one task waits for its next request.
struct Seat<R>(Mutex<Waiting<R>>);

struct Waiting<R> {
    request: Option<R>,
    task: Option<Waker>,
    is_over: bool,
}

impl<S: Serve> StreamTasks<S> {
    /// No task yet. `server` answers the requests; tasks that wait count in `all_idle`.
    pub(super) fn new(server: S, all_idle: Arc<IdleTasks>) -> Self {
        let state = State {
            at_work: 0,
            idle: VecDeque::new(),
            unneeded: 0,
            connection: None,
            is_over: false,
        };
        Self {
            server: Arc::new(server),
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                all_idle,
            }),
        }
    }

    /// What answers the requests.
    pub(super) fn server(&self) -> &S {
        &self.server
    }

    /// Gives a request to a task that waits, or to a new one.
    pub(super) fn serve(&self, request: S::Request) {
        let idle = {
            let mut state = self.shared.state.lock();
            state.at_work += 1;
            let idle = state.idle.pop_back();
            state.unneeded = state.unneeded.min(state.idle.len());
            idle
        };
        if let Some(seat) = idle {
            self.shared.all_idle.leave(1);
            seat.give(request);
        } else {
            let (server, shared) = (Arc::clone(&self.server), Arc::clone(&self.shared));
            tokio::spawn(run(server, shared, Arc::new(Seat::with(request))));
        }
    }

    /// How many requests are at work.
    pub(super) fn at_work(&self) -> usize {
        self.shared.state.lock().at_work
    }

    /// Whether nothing is at work. If not, the caller is woken once that is so.
    pub(super) fn poll_idle(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.shared.state.lock();
        if state.at_work == 0 {
            return Poll::Ready(());
        }
        match &mut state.connection {
            Some(known) => known.clone_from(context.waker()),
            unknown => *unknown = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Whether any task waits for a request.
    pub(super) fn has_idle(&self) -> bool {
        !self.shared.state.lock().idle.is_empty()
    }

    /// Ends the tasks that have waited all the time since the last call.
    pub(super) fn tidy(&self) {
        let ended: Vec<_> = {
            let mut state = self.shared.state.lock();
            let unneeded = state.unneeded.min(state.idle.len());
            let ended = state.idle.drain(..unneeded).collect();
            state.unneeded = state.idle.len();
            ended
        };
        self.shared.end(&ended);
    }
}

impl<S: Serve> Drop for StreamTasks<S> {
    fn drop(&mut self) {
        let idle: Vec<_> = {
            let mut state = self.shared.state.lock();
            state.is_over = true;
            state.connection = None;
            state.idle.drain(..).collect()
        };
        self.shared.end(&idle);
    }
}

/// One task, from its first request to the end.
async fn run<S: Serve>(
    server: Arc<S>,
    shared: Arc<Shared<S::Request>>,
    seat: Arc<Seat<S::Request>>,
) {
    let mut timer = None;
    while let Some(request) = seat.next().await {
        let at_work = AtWork(&shared);
        server.serve(request, &mut timer).await;
        drop(at_work);
        if !shared.keep(&seat) {
            return;
        }
    }
}

/// One request at work; counted until dropped, also by a panic.
struct AtWork<'a, R>(&'a Shared<R>);

impl<R> Drop for AtWork<'_, R> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.at_work -= 1;
        if state.at_work == 0
            && let Some(connection) = &state.connection
        {
            connection.wake_by_ref();
        }
    }
}

impl<R> Shared<R> {
    /// Keeps a task for the next request. False if there will be none, or enough tasks wait.
    fn keep(&self, seat: &Arc<Seat<R>>) -> bool {
        let mut state = self.state.lock();
        let is_kept = !state.is_over && self.all_idle.enter();
        if is_kept {
            state.idle.push_back(Arc::clone(seat));
        }
        is_kept
    }

    /// Ends tasks that waited.
    fn end(&self, seats: &[Arc<Seat<R>>]) {
        self.all_idle.leave(seats.len());
        for seat in seats {
            seat.end();
        }
    }
}

impl<R> Seat<R> {
    fn with(request: R) -> Self {
        Self(Mutex::new(Waiting {
            request: Some(request),
            task: None,
            is_over: false,
        }))
    }

    fn give(&self, request: R) {
        let mut waiting = self.0.lock();
        waiting.request = Some(request);
        waiting.wake();
    }

    fn end(&self) {
        let mut waiting = self.0.lock();
        waiting.is_over = true;
        waiting.wake();
    }

    /// The next request, or `None` at the end.
    async fn next(&self) -> Option<R> {
        poll_fn(|context| {
            let mut waiting = self.0.lock();
            if waiting.is_over {
                return Poll::Ready(None);
            }
            if let Some(request) = waiting.request.take() {
                return Poll::Ready(Some(request));
            }
            match &mut waiting.task {
                Some(known) => known.clone_from(context.waker()),
                unknown => *unknown = Some(context.waker().clone()),
            }
            Poll::Pending
        })
        .await
    }
}

impl<R> Waiting<R> {
    fn wake(&self) {
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests;
