//! A thread with a runtime of its own, which ends when its handle is dropped.

use std::{
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    runtime::Builder,
    select,
    sync::oneshot::{self, Sender},
    time::sleep,
};

/// Work that runs until it is done, its time is over, or the handle is dropped.
#[derive(Debug)]
pub(super) struct Running<T> {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<Option<T>>>,
}

impl<T: Send + 'static> Running<T> {
    /// Starts the work that `make` makes, on a thread of its own.
    pub(super) fn start<F: Future<Output = T>>(
        longest: Duration,
        make: impl FnOnce() -> F + Send + 'static,
    ) -> Self {
        let (end, ended) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                select! {
                    done = make() => Some(done),
                    _ = ended => None,
                    () = sleep(longest) => None,
                }
            })
        });
        Self {
            end: Some(end),
            thread: Some(thread),
        }
    }

    /// Waits for the end of the work; its result, unless it ended early.
    pub(super) fn join(mut self) -> Option<T> {
        self.thread.take()?.join().unwrap()
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        drop(self.end.take());
        // The caller reads counts next, so nothing may still run.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
