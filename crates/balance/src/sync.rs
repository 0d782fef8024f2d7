//! What ledgers and feeders share between threads with: the standard library's locks and atomics.
//!
//! With the feature `shuttle` they are those of [shuttle](https://docs.rs/shuttle), which decides at each of them which
//! thread goes on: so a test tries interleavings that a machine hardly ever shows (`tests/interleavings.rs`).

#[cfg(feature = "shuttle")]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, atomic};
#[cfg(not(feature = "shuttle"))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic};
