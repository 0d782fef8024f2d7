//! The buffer of one worker: lines that wait to be written.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{Dropped, Entry, Format, combined, json, stamp::Stamp, writer::Shared};

/// The most bytes that wait in one buffer: some three thousand lines. Twice as many are held while they are written.
pub(crate) const MOST_WAITING: usize = 1 << 20;
/// So many bytes are written at once without waiting for more. They fit in a processor's second cache.
const BATCH: usize = 64 * 1024;

/// Takes the lines of one worker.
#[derive(Debug)]
pub struct Lines {
    pub(crate) buffer: Arc<Buffer>,
    pub(crate) shared: Arc<Shared>,
}

/// What waits. Its worker and the writer share it, and each holds the lock for less than a microsecond.
#[derive(Debug, Default)]
pub(crate) struct Buffer(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    stamp: Stamp,
}

impl Lines {
    /// Adds the line of a request. Never waits for what is written to.
    pub fn write(&self, format: Format, entry: &Entry<'_>) {
        let mut waiting = self.buffer.0.lock();
        let Waiting { lines, stamp } = &mut *waiting;
        let before = lines.len();
        if before >= MOST_WAITING {
            drop(waiting);
            self.shared.metrics.dropped(Dropped::Full, 1);
            return;
        }
        match format {
            Format::Json => json::write(lines, stamp, entry),
            Format::Combined => combined::write(lines, stamp, entry),
        }
        let after = lines.len();
        drop(waiting);
        if before == 0 {
            self.shared.has_lines();
        }
        if before < BATCH && after >= BATCH {
            self.shared.has_a_batch();
        }
    }
}

impl Buffer {
    /// Swaps what waits for `empty`.
    pub(crate) fn take(&self, empty: &mut Vec<u8>) {
        std::mem::swap(&mut self.0.lock().lines, empty);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().lines.is_empty()
    }
}
