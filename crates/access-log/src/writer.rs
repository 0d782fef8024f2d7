//! The thread that writes.
//!
//! It sleeps until a line comes. Then it gathers for a moment, or until a buffer has a batch: a write costs the same for
//! one line as for a hundred.

use std::{
    io,
    sync::{Arc, atomic::Ordering::Release},
    thread,
    time::{Duration, Instant},
};

use crate::{
    AccessLogMetrics, Lines,
    buffer::Buffer,
    output::Output,
    shared::{Move, Orders, Shared},
    sink::Sink,
};

/// A buffer that has grown larger than this is given back.
const LARGEST_KEPT: usize = 256 * 1024;

/// The access log of this process. A clone is the same one.
#[derive(Clone, Debug)]
pub struct AccessLog(Arc<Shared>);

impl AccessLog {
    /// An access log that writes nowhere yet.
    #[must_use]
    pub fn new(metrics: AccessLogMetrics) -> Self {
        Self(Arc::new(Shared::new(metrics)))
    }

    /// A buffer for the lines of one worker.
    #[must_use]
    pub fn lines(&self) -> Lines {
        let buffer = Arc::new(Buffer::default());
        self.0.buffers.lock().push(Arc::clone(&buffer));
        let shared = Arc::clone(&self.0);
        Lines { buffer, shared }
    }

    /// Writes there from now on, or nowhere. What waits is written to where it was meant for. Fails if the system
    /// refuses the thread.
    pub fn write_to(&self, output: Option<Output>) -> io::Result<()> {
        if output.is_none() && self.0.writer.get().is_none() {
            return Ok(());
        }
        self.start()?;
        let to = output.map_or(Move::Nowhere, Move::To);
        self.order(|orders| orders.output = Some(to));
        Ok(())
    }

    /// Opens the file again, which has another name by now. Does nothing where there is none.
    pub fn reopen(&self) {
        if self.0.writer.get().is_some() {
            self.order(|orders| orders.reopen = true);
        }
    }

    /// Writes all lines so far, and waits for that, for no longer than `longest`. Returns whether they are written or
    /// counted as dropped.
    #[must_use = "what is not written may be lost"]
    pub fn flush(&self, longest: Duration) -> bool {
        if self.0.writer.get().is_none() {
            return true;
        }
        let deadline = Instant::now() + longest;
        let mut awaited = 0;
        self.order(|orders| {
            orders.flush += 1;
            awaited = orders.flush;
        });
        let mut orders = self.0.orders.lock();
        while orders.flushed < awaited {
            let waited = self.0.is_flushed.wait_until(&mut orders, deadline);
            if waited.timed_out() {
                return orders.flushed >= awaited;
            }
        }
        true
    }

    fn order(&self, order: impl FnOnce(&mut Orders)) {
        let mut orders = self.0.orders.lock();
        order(&mut orders);
        self.0.is_ordered.store(true, Release);
        drop(orders);
        self.0.wake();
    }

    fn start(&self) -> io::Result<()> {
        // A second caller finds it started, or starts it.
        let _orders = self.0.orders.lock();
        if self.0.writer.get().is_some() {
            return Ok(());
        }
        let shared = Arc::clone(&self.0);
        let started = thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || run(&shared))?;
        let _ = self.0.writer.set(started.thread().clone());
        Ok(())
    }
}

/// Writes for as long as the process lives.
fn run(shared: &Shared) {
    let (mut sink, mut lines) = (Sink::Off, Vec::new());
    loop {
        shared.wait();
        let mut orders = shared.awake().then(|| {
            let mut orders = shared.orders.lock();
            let (output, reopen) = (orders.output.take(), std::mem::take(&mut orders.reopen));
            (output, reopen, orders.flush)
        });
        if let (Sink::Off, Some((output, ..))) = (&sink, &mut orders)
            && let Some(Move::To(to)) = output.take_if(|to| matches!(to, Move::To(_)))
        {
            // What waits is meant for it.
            sink = Sink::open(to);
        }
        let buffers = shared.buffers.lock().clone();
        for buffer in &buffers {
            buffer.take(&mut lines);
            if !lines.is_empty() {
                sink.write(&lines, orders.is_some(), shared);
                lines.clear();
            }
            if lines.capacity() > LARGEST_KEPT {
                lines = Vec::new();
            }
        }
        drop(buffers);
        // Workers that are gone.
        shared
            .buffers
            .lock()
            .retain(|buffer| Arc::strong_count(buffer) > 1 || !buffer.is_empty());
        let Some((output, reopen, flushed)) = orders else {
            continue;
        };
        match output {
            Some(Move::To(output)) => sink.replace(Sink::open(output), shared),
            Some(Move::Nowhere) => sink.replace(Sink::Off, shared),
            None if reopen => sink.reopen(shared),
            None => {}
        }
        shared.orders.lock().flushed = flushed;
        shared.is_flushed.notify_all();
    }
}

#[cfg(test)]
mod tests;
