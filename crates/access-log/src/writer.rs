//! The thread that writes.
//!
//! It sleeps until a line comes. Then it gathers for a moment, or until a buffer has a batch: a write costs the same for
//! one line as for a hundred.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{
            AtomicBool,
            Ordering::{AcqRel, Acquire, Release},
        },
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tracing::{info, warn};

use crate::{
    AccessLogMetrics, Dropped, Lines,
    lines::Buffer,
    output::{Destination, Lost, Output, count},
};

/// How long lines may wait for others.
const GATHER: Duration = Duration::from_millis(200);
/// How long a pipe that takes nothing may hold up an order.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause before a file is opened again that could not be opened.
const OPEN_AGAIN: Duration = Duration::from_secs(1);
/// A buffer that has grown larger than this is given back.
const LARGEST_KEPT: usize = 256 * 1024;

/// The access log of this process. A clone is the same one.
#[derive(Clone, Debug)]
pub struct AccessLog(Arc<Shared>);

/// What workers and the writer share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) metrics: AccessLogMetrics,
    buffers: Mutex<Vec<Arc<Buffer>>>,
    /// A buffer that was empty is not.
    has_lines: AtomicBool,
    /// A buffer holds as much as is worth a write.
    has_a_batch: AtomicBool,
    /// There is something in `orders`.
    is_ordered: AtomicBool,
    orders: Mutex<Orders>,
    is_flushed: Condvar,
    writer: OnceLock<Thread>,
}

/// What the writer is told.
#[derive(Debug, Default)]
struct Orders {
    /// Write there from now on, or nowhere.
    output: Option<Option<Output>>,
    reopen: bool,
    /// How often it was told to write all that there is, and how often it has.
    flush: u64,
    flushed: u64,
}

/// Where the writer stands.
#[derive(Debug)]
enum Sink {
    /// Nothing is written.
    Off,
    Open {
        output: Output,
        /// Lines that were lost since the last that was written.
        lost: u64,
    },
    /// It could not be opened, and is opened again then.
    Closed {
        destination: Destination,
        again: Instant,
    },
}

impl AccessLog {
    /// An access log that writes nowhere yet.
    #[must_use]
    pub fn new(metrics: AccessLogMetrics) -> Self {
        Self(Arc::new(Shared {
            metrics,
            buffers: Mutex::default(),
            has_lines: AtomicBool::new(false),
            has_a_batch: AtomicBool::new(false),
            is_ordered: AtomicBool::new(false),
            orders: Mutex::default(),
            is_flushed: Condvar::new(),
            writer: OnceLock::new(),
        }))
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
        self.order(|orders| orders.output = Some(output));
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
        // Whoever comes second finds it started, or starts it.
        let _orders = self.0.orders.lock();
        if self.0.writer.get().is_some() {
            return Ok(());
        }
        let shared = Arc::clone(&self.0);
        let started = thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || shared.run())?;
        let _ = self.0.writer.set(started.thread().clone());
        Ok(())
    }
}

impl Shared {
    /// A buffer that was empty has a line.
    pub(crate) fn has_lines(&self) {
        if !self.has_lines.swap(true, AcqRel) {
            self.wake();
        }
    }

    /// A buffer has a batch.
    pub(crate) fn has_a_batch(&self) {
        if !self.has_a_batch.swap(true, AcqRel) {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }

    fn run(&self) {
        let (mut sink, mut lines) = (Sink::Off, Vec::new());
        loop {
            self.wait();
            // Before what waits is taken: a line that comes later sets it again.
            self.has_lines.store(false, Release);
            self.has_a_batch.store(false, Release);
            let mut orders = self.is_ordered.swap(false, AcqRel).then(|| {
                let mut orders = self.orders.lock();
                let (output, reopen) = (orders.output.take(), std::mem::take(&mut orders.reopen));
                (output, reopen, orders.flush)
            });
            if let (Sink::Off, Some((output, ..))) = (&sink, &mut orders)
                && let Some(Some(output)) = output.take()
            {
                // What waits is meant for it.
                sink = Sink::open(output);
            }
            let buffers = self.buffers.lock().clone();
            for buffer in &buffers {
                buffer.take(&mut lines);
                if !lines.is_empty() {
                    sink.write(&lines, orders.is_some(), self);
                    lines.clear();
                }
                if lines.capacity() > LARGEST_KEPT {
                    lines = Vec::new();
                }
            }
            drop(buffers);
            // Workers that are gone.
            self.buffers
                .lock()
                .retain(|buffer| Arc::strong_count(buffer) > 1 || !buffer.is_empty());
            let Some((output, reopen, flushed)) = orders else {
                continue;
            };
            match output {
                Some(Some(output)) => sink.replace(Sink::open(output), self),
                Some(None) => sink.replace(Sink::Off, self),
                None if reopen => sink.reopen(self),
                None => {}
            }
            self.orders.lock().flushed = flushed;
            self.is_flushed.notify_all();
        }
    }

    /// Waits for an order, or for lines and what is worth a write.
    fn wait(&self) {
        while !self.is_ordered.load(Acquire) && !self.has_lines.load(Acquire) {
            thread::park();
        }
        let until = Instant::now() + GATHER;
        while !self.is_ordered.load(Acquire) && !self.has_a_batch.load(Acquire) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
        }
    }
}

impl Sink {
    const fn open(output: Output) -> Self {
        Self::Open { output, lost: 0 }
    }

    /// Writes lines, or counts them as dropped. `has_orders` says that others wait for the writer.
    fn write(&mut self, lines: &[u8], has_orders: bool, shared: &Shared) {
        if let Self::Closed { destination, again } = self
            && Instant::now() >= *again
        {
            match Output::open(destination) {
                Ok(output) => {
                    info!(log = %destination, "Access log opened again");
                    *self = Self::open(output);
                }
                Err(_) => *again = Instant::now() + OPEN_AGAIN,
            }
        }
        match self {
            // They belong to requests that began when there was an access log.
            Self::Off => {}
            Self::Closed { .. } => shared.metrics.dropped(Dropped::Open, count(lines)),
            Self::Open { output, lost } => {
                let gives_up =
                    |waited| waited >= PATIENCE && (has_orders || shared.is_ordered.load(Acquire));
                match output.write(lines, gives_up) {
                    Ok(()) if *lost > 0 => {
                        let (log, lines) = (output.destination(), *lost);
                        warn!(%log, lines, "Access log is written again: lines were lost");
                        *lost = 0;
                    }
                    Ok(()) => {}
                    Err(Lost { lines, error }) => {
                        if *lost == 0 {
                            let log = output.destination();
                            warn!(%log, %error, "Access log can't be written: lines are lost and counted");
                        }
                        // A line that is cut in the middle may yet be finished.
                        *lost += lines.max(1);
                        shared.metrics.dropped(Dropped::Write, lines);
                    }
                }
            }
        }
    }

    fn reopen(&mut self, shared: &Shared) {
        let destination = match self {
            Self::Off => return,
            Self::Open { output, .. } => output.destination().clone(),
            Self::Closed { destination, .. } => destination.clone(),
        };
        let opened = match Output::open(&destination) {
            Ok(output) => {
                info!(log = %destination, "Access log reopened");
                Self::open(output)
            }
            Err(error) => {
                warn!(%error, "Access log can't be reopened: its lines are lost and counted until it can");
                let again = Instant::now() + OPEN_AGAIN;
                Self::Closed { destination, again }
            }
        };
        self.replace(opened, shared);
    }

    fn replace(&mut self, next: Self, shared: &Shared) {
        if let Self::Open { output, .. } = self
            && output.is_torn()
        {
            // A last attempt: it will not be finished in another file.
            let _ = output.write(b"", |_| true);
            shared
                .metrics
                .dropped(Dropped::Write, u64::from(output.is_torn()));
        }
        *self = next;
    }
}

#[cfg(test)]
mod tests;
