//! How often what connections depend on has changed, as one number for the whole process.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static CHANGES: AtomicU64 = AtomicU64::new(0);

/// A number that grows with each change of any [`Trust`](crate::Trust) or [`Transport`](crate::Transport) of this
/// process: while it stays, connections need not be asked whether they are outdated.
#[must_use]
pub fn changes() -> u64 {
    CHANGES.load(Relaxed)
}

/// Notes a change, and returns a number that no change had before.
pub(crate) fn changed() -> u64 {
    CHANGES.fetch_add(1, Relaxed) + 1
}
