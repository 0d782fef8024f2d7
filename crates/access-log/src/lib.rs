//! The access log: one line for each request, in a file or on standard output.
//!
//! A worker formats a line into a buffer of its own and goes on; it never waits for a disk or for a reader. One thread
//! takes what has gathered, and writes it in whole lines. Memory is bounded: a line that finds no room is dropped and
//! counted, and so is one that can't be written.
//!
//! Lines can't be forged and can't be torn:
//!
//! - What clients send is escaped to visible ASCII and cut, so it neither ends a line or a field, nor steers a terminal.
//! - A line is shorter than 4 KiB. A pipe takes so much in one piece or not at all, and a file that was opened to append
//!   takes whole batches; so two processes may write to the same one, as they do in an upgrade. Where a disk is full in
//!   the middle of a line, the rest of that line is written before anything else is.
//!
//! `SIGUSR1` makes the caller [`reopen`](AccessLog::reopen) the file after it was renamed.

mod buffer;
mod combined;
mod entry;
mod escape;
mod json;
mod line;
mod lines;
mod metrics;
mod output;
mod shared;
mod sink;
mod stamp;
mod sync;
mod writer;

#[cfg(test)]
mod tests;

pub use entry::Entry;
pub use lines::Lines;
pub use metrics::{AccessLogMetrics, Dropped};
pub use output::{Destination, Output, Unopened};
pub use writer::AccessLog;

/// More than the longest line has, in bytes.
const LONGEST_LINE: usize = 4_096;

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Format {
    /// A JSON object with all that is known.
    #[default]
    Json,
    /// Apache's `combined`, for programs that read that.
    Combined,
}
