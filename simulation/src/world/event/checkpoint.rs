//! What a proxy says of itself, and how its processes end.

use serde_json::Value;

/// How a process ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ending {
    /// By itself, as it was told to, or because another took over.
    Clean,
    /// By itself, with this error.
    Failed(String),
    /// It was killed by a fault.
    Killed,
    /// It was told to stop and is still there; it is killed now.
    Hangs,
    /// Its main thread panicked.
    Panicked,
}

/// A point of time at which every proxy is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Checkpoint {
    /// Before the first request.
    Start,
    /// While faults last.
    Storm,
    /// So many polls after the last fault has ended.
    Calm(u32),
    /// After the clients have stopped and everything has had time to settle.
    End,
}

/// What a proxy says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// `/status`.
    pub status: Value,
    /// `/metrics`.
    pub metrics: String,
    /// Its open descriptors, as the kernel counts them.
    pub descriptors: usize,
    /// Its threads, as the kernel counts them.
    pub threads: usize,
    /// The bytes that it has allocated and not freed.
    pub memory: i64,
}
