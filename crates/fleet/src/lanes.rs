//! A connection for each thread that calls.
//!
//! A call on a connection that another thread drives wakes that thread twice: it takes twice as long, and waits for
//! whatever else that thread does. So each worker has a connection to itself, made when it first calls or is announced
//! by [`Store::attach`](crate::Store::attach). Until it is there, and while it is broken, the connection of the process
//! serves.

use std::{
    cell::RefCell,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::{runtime::Handle, sync::watch, task::JoinSet};
use tracing::error;

use crate::{link::Link, options::Options};

thread_local! {
    /// The connections of this thread, each with the number of its store: a process has one store, and tests several.
    static LANES: RefCell<Vec<(u64, Weak<Link>)>> = const { RefCell::new(Vec::new()) };
}

static STORES: AtomicU64 = AtomicU64::new(0);

/// The connections of all threads to one store.
#[derive(Debug)]
pub(crate) struct Lanes {
    options: Arc<Options>,
    /// Of this store, and of no other in the process.
    number: u64,
    all: Mutex<Vec<Arc<Link>>>,
    /// Dropped with the store, which ends what keeps the connections.
    end: watch::Sender<()>,
}

impl Lanes {
    pub(crate) fn new(options: Arc<Options>) -> Self {
        Self {
            options,
            number: STORES.fetch_add(1, Ordering::Relaxed),
            all: Mutex::default(),
            end: watch::Sender::default(),
        }
    }

    /// The connection of this thread, which is kept by the runtime that it is in. `None` outside one.
    pub(crate) fn of_this_thread(&self) -> Option<Arc<Link>> {
        LANES.with_borrow_mut(|lanes| {
            let known = lanes.iter().find(|(number, _)| *number == self.number);
            if let Some(lane) = known.and_then(|(_, lane)| lane.upgrade()) {
                return Some(lane);
            }
            lanes.retain(|(_, lane)| lane.strong_count() > 0);
            let lane = self.make(&Handle::try_current().ok()?);
            lanes.push((self.number, Arc::downgrade(&lane)));
            Some(lane)
        })
    }

    fn make(&self, runtime: &Handle) -> Arc<Link> {
        let lane = Link::new(Arc::clone(&self.options));
        runtime.spawn(keep(Arc::clone(&lane), self.end.subscribe()));
        self.all.lock().push(Arc::clone(&lane));
        lane
    }

    /// Something has happened to the store: each connection must show that it is alive.
    pub(crate) fn suspect_all(&self) {
        for lane in self.all.lock().iter() {
            lane.suspect();
        }
    }
}

/// Keeps a connection until the end, whatever happens to the task that does.
async fn keep(lane: Arc<Link>, mut end: watch::Receiver<()>) {
    loop {
        let mut task = JoinSet::new();
        let lane = Arc::clone(&lane);
        task.spawn(async move { lane.keep().await });
        tokio::select! {
            _ = task.join_next() => error!(task = "store", "Task has died: it is started again"),
            _ = end.changed() => return,
        }
    }
}
