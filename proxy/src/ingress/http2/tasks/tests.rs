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
        let (end, request) = oneshot::channel();
        self.tasks.serve(request);
        end
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
