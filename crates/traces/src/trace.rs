//! What is handed to the exporter.

use crate::Span;

/// The trace of a request that has ended.
pub trait Trace: Send {
    /// How many spans it has.
    fn count(&self) -> usize;

    /// Makes its spans. This happens on the exporter's thread.
    fn spans(self: Box<Self>) -> Vec<Span>;
}
