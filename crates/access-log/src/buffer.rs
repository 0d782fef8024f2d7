//! The buffer of one worker: lines that wait to be written.

use parking_lot::Mutex;

use crate::{Entry, Format, LONGEST_LINE, combined, json, line::Line, stamp::Stamp};

/// The most bytes that wait in one buffer: some three thousand lines. Twice as many are held while they are written.
pub(crate) const MOST_WAITING: usize = 1 << 20;
/// So many bytes are written at once without waiting for more. They fit in a processor's second cache.
const BATCH: usize = 64 * 1024;

/// What waits. Its worker and the writer share it, and each holds the lock for less than a microsecond.
#[derive(Debug, Default)]
pub(crate) struct Buffer(Mutex<Waiting>);

#[derive(Debug)]
struct Waiting {
    lines: Vec<u8>,
    stamp: Stamp,
    /// Where a line is made.
    room: Box<[u8; LONGEST_LINE]>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            stamp: Stamp::default(),
            room: Box::new([0; LONGEST_LINE]),
        }
    }
}

/// What a line meant for its buffer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Added {
    /// There was no room for it.
    No,
    /// It is the first.
    First,
    /// With it there is enough to be written.
    Batch,
    /// It is one of many.
    Further,
}

impl Buffer {
    /// Adds a line.
    pub(crate) fn add(&self, format: Format, entry: &Entry<'_>) -> Added {
        let mut waiting = self.0.lock();
        let Waiting { lines, stamp, room } = &mut *waiting;
        let before = lines.len();
        if before >= MOST_WAITING {
            return Added::No;
        }
        let mut line = Line::new(room);
        match format {
            Format::Json => json::write(&mut line, stamp, entry),
            Format::Combined => combined::write(&mut line, stamp, entry),
        }
        lines.extend_from_slice(line.bytes());
        match (before, lines.len()) {
            (0, _) => Added::First,
            (before, after) if before < BATCH && after >= BATCH => Added::Batch,
            _ => Added::Further,
        }
    }

    /// Swaps what waits for `empty`.
    pub(crate) fn take(&self, empty: &mut Vec<u8>) {
        std::mem::swap(&mut self.0.lock().lines, empty);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().lines.is_empty()
    }
}
