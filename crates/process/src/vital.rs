//! Tasks that must live as long as the process.
//!
//! A panic ends the task in which it happens, and nothing else: the process would go on without it, and nothing would
//! say so. Such a task runs under [`VitalTask::run`]: it is started again after a pause, and while it is down,
//! [`Vitals::down`] names it, for the page that says whether the process is alive.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};
use tracing::error;

/// The pause before the first restart. It is doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A task that ran for so long is well: after its next end the pause is the first again.
const IS_WELL: Duration = Duration::from_mins(1);

/// Which vital tasks are down now. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Vitals(Arc<Mutex<Vec<Arc<str>>>>);

/// How a run of a vital task ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// As intended: the process is stopping.
    Finished,
    /// It panicked, or it ended although it must not.
    TooSoon,
}

/// One task that must live.
#[derive(Debug)]
pub struct VitalTask {
    vitals: Vitals,
    name: Arc<str>,
    pause: Duration,
}

impl Vitals {
    /// A task of this name, such as `scraper`.
    #[must_use]
    pub fn task(&self, name: &str) -> VitalTask {
        VitalTask {
            vitals: self.clone(),
            name: name.into(),
            pause: FIRST_PAUSE,
        }
    }

    /// The names of the tasks that are down now; empty while all is well.
    #[must_use]
    pub fn down(&self) -> Vec<Arc<str>> {
        self.0.lock().clone()
    }
}

/// Keeps a name among those that are down; also if the pause is cancelled, it is removed.
struct Down<'a>(&'a VitalTask);

impl<'a> Down<'a> {
    fn new(task: &'a VitalTask) -> Self {
        task.vitals.0.lock().push(Arc::clone(&task.name));
        Self(task)
    }
}

impl Drop for Down<'_> {
    fn drop(&mut self) {
        let mut down = self.0.vitals.0.lock();
        if let Some(at) = down.iter().position(|name| *name == self.0.name) {
            down.swap_remove(at);
        }
    }
}

impl VitalTask {
    /// Runs the task once. If it panics, or ends although it must not, this returns [`Ended::TooSoon`]: wait for
    /// [`VitalTask::pause`], then run it again.
    pub async fn run(&mut self, task: impl Future<Output = Ended>) -> Ended {
        let began = Instant::now();
        // What a panic leaves behind, the next run finds: the caller passes what can stand that.
        let ended = AssertUnwindSafe(task).catch_unwind().await;
        if let Ok(Ended::Finished) = ended {
            return Ended::Finished;
        }
        if began.elapsed() >= IS_WELL {
            self.pause = FIRST_PAUSE;
        }
        let (task, is_panic) = (&*self.name, ended.is_err());
        error!(task, is_panic, restart_in = ?self.pause, "Task has died: it is started again");
        Ended::TooSoon
    }

    /// The pause after a death, during which the task counts as down.
    pub async fn pause(&mut self) {
        let down = Down::new(self);
        sleep(self.pause).await;
        drop(down);
        self.pause = LONGEST_PAUSE.min(self.pause * 2);
    }

    /// Runs a task that never ends by itself, and what `make` yields after each of its ends.
    pub async fn run_forever<F: Future<Output = ()>>(mut self, mut make: impl FnMut() -> F) {
        loop {
            let task = make();
            self.run(async {
                task.await;
                Ended::TooSoon
            })
            .await;
            self.pause().await;
        }
    }
}

#[cfg(test)]
mod tests;
