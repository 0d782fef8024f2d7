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
        match idle {
            Some(seat) => {
                self.shared.all_idle.leave(1);
                seat.give(request);
            }
            None => {
                let (server, shared) = (Arc::clone(&self.server), Arc::clone(&self.shared));
                tokio::spawn(run(server, shared, Arc::new(Seat::with(request))));
            }
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
        seats.iter().for_each(|seat| seat.end());
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
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        time::Duration,
    };

    use tokio::{
        sync::oneshot,
        task::yield_now,
        time::{Instant, timeout},
    };

    use super::*;

    /// Serves each request until its sender says so, or is dropped; panics if it says so.
    #[derive(Default)]
    struct Held {
        /// Tasks that have served a request.
        tasks: Arc<AtomicUsize>,
        done: Arc<AtomicUsize>,
    }

    impl Serve for Held {
        type Request = oneshot::Receiver<bool>;

        async fn serve(&self, request: Self::Request, timer: &mut Option<DeadlineTimer>) {
            timer.get_or_insert_with(|| {
                self.tasks.fetch_add(1, SeqCst);
                DeadlineTimer::new(Instant::now() + Duration::from_hours(1))
            });
            assert!(!request.await.unwrap_or(false), "as the test wants");
            self.done.fetch_add(1, SeqCst);
        }
    }

    struct Rig {
        tasks: StreamTasks<Held>,
        made: Arc<AtomicUsize>,
        done: Arc<AtomicUsize>,
    }

    impl Rig {
        fn new() -> Self {
            let held = Held::default();
            let (made, done) = (Arc::clone(&held.tasks), Arc::clone(&held.done));
            Self {
                tasks: StreamTasks::new(held, Arc::default()),
                made,
                done,
            }
        }

        fn begin(&self) -> oneshot::Sender<bool> {
            let (hold, held) = oneshot::channel();
            self.tasks.serve(held);
            hold
        }

        async fn idle(&self) {
            let idle = poll_fn(|context| self.tasks.poll_idle(context));
            timeout(Duration::from_secs(1), idle).await.unwrap();
        }

        /// Serves so many requests at once.
        async fn burst(&self, requests: usize) {
            let held: Vec<_> = (0..requests).map(|_| self.begin()).collect();
            yield_now().await;
            drop(held);
            self.idle().await;
            yield_now().await;
        }

        /// How many tasks are alive: each holds the server.
        fn alive(&self) -> usize {
            Arc::strong_count(&self.tasks.server) - 1
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_serves_one_request_after_another_and_each_at_once_has_its_own() {
        let rig = Rig::new();
        for _ in 0..5 {
            rig.burst(3).await;
        }
        assert_eq!(rig.done.load(SeqCst), 15);
        assert_eq!(rig.made.load(SeqCst), 3);
        assert_eq!(rig.alive(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_idle_only_after_its_last_request() {
        let rig = Rig::new();
        let (first, second) = (rig.begin(), rig.begin());
        assert_eq!(rig.tasks.at_work(), 2);
        drop(first);
        let idle = poll_fn(|context| rig.tasks.poll_idle(context));
        assert!(timeout(Duration::from_secs(5), idle).await.is_err());
        drop(second);
        rig.idle().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_ends_its_request_alone() {
        let rig = Rig::new();
        let (bad, good) = (rig.begin(), rig.begin());
        yield_now().await;
        bad.send(true).unwrap();
        yield_now().await;
        assert_eq!(rig.tasks.at_work(), 1);
        drop(good);
        rig.idle().await;
        assert_eq!((rig.done.load(SeqCst), rig.alive()), (1, 1));
        rig.burst(2).await;
        assert_eq!(rig.done.load(SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_that_were_not_needed_since_the_last_look_end() {
        let rig = Rig::new();
        rig.burst(8).await;
        rig.tasks.tidy();
        yield_now().await;
        assert_eq!(rig.alive(), 8, "all were needed");
        rig.burst(3).await;
        rig.tasks.tidy();
        yield_now().await;
        assert_eq!(rig.alive(), 3);
        rig.tasks.tidy();
        yield_now().await;
        assert_eq!(rig.alive(), 0);
        assert!(!rig.tasks.has_idle());
        rig.burst(1).await;
        assert_eq!(rig.done.load(SeqCst), 12);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_most_wait_and_all_leave_the_count() {
        let rig = Rig::new();
        let all_idle = Arc::clone(&rig.tasks.shared.all_idle);
        let count = || all_idle.0.load(SeqCst);
        rig.burst(MOST_IDLE + 7).await;
        assert_eq!((rig.alive(), count()), (MOST_IDLE, MOST_IDLE));
        let held: Vec<_> = (0..9).map(|_| rig.begin()).collect();
        assert_eq!(count(), MOST_IDLE - 9);
        drop(held);
        rig.idle().await;
        rig.tasks.tidy();
        rig.tasks.tidy();
        assert_eq!(count(), 0);
        rig.burst(5).await;
        assert_eq!(count(), 5);
        drop(rig);
        assert_eq!(count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_at_work_outlives_its_connection_and_no_task_stays() {
        let rig = Rig::new();
        rig.burst(2).await;
        let server = Arc::clone(&rig.tasks.server);
        let held = rig.begin();
        yield_now().await;
        drop(rig.tasks);
        yield_now().await;
        assert_eq!(Arc::strong_count(&server), 2, "this and the one at work");
        drop(held);
        yield_now().await;
        assert_eq!(rig.done.load(SeqCst), 3);
        assert_eq!(Arc::strong_count(&server), 1);
    }
}
