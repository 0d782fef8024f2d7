//! What a worker hands its lines to.

use std::sync::Arc;

use crate::{
    Dropped, Entry, Format,
    buffer::{Added, Buffer},
    shared::Shared,
};

/// Takes the lines of one worker.
#[derive(Debug)]
pub struct Lines {
    pub(crate) buffer: Arc<Buffer>,
    pub(crate) shared: Arc<Shared>,
}

impl Lines {
    /// Adds the line of a request. Never waits for what is written to.
    pub fn write(&self, format: Format, entry: &Entry<'_>) {
        match self.buffer.add(format, entry) {
            Added::No => self.shared.metrics.dropped(Dropped::Full, 1),
            Added::First => self.shared.has_lines(),
            Added::Batch => self.shared.has_a_batch(),
            Added::Further => {}
        }
    }
}
