//! What is told of an answer that streamed, once it has ended.

use std::time::Duration;

/// An answer that has gone to its client while it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streamed {
    pub(super) status: u16,
    /// How many bytes of its body its client's side has taken.
    pub(super) bytes_out: u64,
    /// Whether it came to its end.
    pub(super) is_whole: bool,
    /// How long its client waited for its head, from the first byte of the request.
    pub(super) began_after: Duration,
}
