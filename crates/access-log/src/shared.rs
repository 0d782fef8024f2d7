//! What workers and the writer share: the buffers, what the writer is told, and how it is woken.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use crate::{
    AccessLogMetrics,
    buffer::Buffer,
    output::Output,
    sync::{
        Condvar, Instant, Mutex, Thread,
        atomic::{
            AtomicBool,
            Ordering::{AcqRel, Acquire, Release},
        },
        park, park_timeout,
    },
};

/// How long lines may wait for others.
const GATHER: Duration = Duration::from_millis(200);

/// What workers and the writer share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) metrics: AccessLogMetrics,
    pub(crate) buffers: Mutex<Vec<Arc<Buffer>>>,
    /// A buffer that was empty is not.
    has_lines: AtomicBool,
    /// A buffer holds as much as is worth a write.
    has_a_batch: AtomicBool,
    /// There is something in `orders`.
    pub(crate) is_ordered: AtomicBool,
    pub(crate) orders: Mutex<Orders>,
    pub(crate) is_flushed: Condvar,
    pub(crate) writer: OnceLock<Thread>,
}

/// Where to write from now on.
#[derive(Debug)]
pub(crate) enum Move {
    To(Output),
    Nowhere,
}

/// What the writer is told.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) output: Option<Move>,
    pub(crate) reopen: bool,
    /// How often it was told to write all that there is, and how often it has.
    pub(crate) flush: u64,
    pub(crate) flushed: u64,
}

impl Shared {
    pub(crate) fn new(metrics: AccessLogMetrics) -> Self {
        Self {
            metrics,
            buffers: Mutex::default(),
            has_lines: AtomicBool::new(false),
            has_a_batch: AtomicBool::new(false),
            is_ordered: AtomicBool::new(false),
            orders: Mutex::default(),
            is_flushed: Condvar::new(),
            writer: OnceLock::new(),
        }
    }

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

    pub(crate) fn wake(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }

    /// Takes note of what there is to do. To be called before what waits is taken: a line that comes later says so again.
    pub(crate) fn awake(&self) -> bool {
        self.has_lines.store(false, Release);
        self.has_a_batch.store(false, Release);
        self.is_ordered.swap(false, AcqRel)
    }

    /// Waits for an order, or for lines and what is worth a write.
    pub(crate) fn wait(&self) {
        while !self.is_ordered.load(Acquire) && !self.has_lines.load(Acquire) {
            park();
        }
        let until = Instant::now() + GATHER;
        while !self.is_ordered.load(Acquire) && !self.has_a_batch.load(Acquire) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            park_timeout(left);
        }
    }
}
