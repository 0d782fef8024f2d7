//! What threads share here is made of the standard library's locks and atomics, or of a tester's.
//!
//! - With the feature `_loom` they are those of [loom](https://docs.rs/loom). It tries *every* order of a small model, and
//!   every value that a weak ordering lets a thread read: an `Acquire` that should not be a `Relaxed` is found on a machine
//!   whose processor would never show it. See `tests/orderings.rs` and `src/models.rs`.
//! - With the feature `_shuttle` they are those of [shuttle](https://docs.rs/shuttle), which tries orders at random, so that a
//!   test may have whole rosters: `tests/interleavings.rs`. There each thread sees the newest value of each atomic.
//!
//! Loom has a limit that decides which of the two a test takes: it reads `SeqCst` of a load or a store as `Acquire` and
//! `Release`. What goes by the one order of all `SeqCst` operations fails there although it is right, so it is shuttle's.

#[cfg(feature = "_loom")]
pub(crate) use loom::sync::{Mutex, MutexGuard, atomic};
#[cfg(all(feature = "_shuttle", not(feature = "_loom")))]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, atomic};
#[cfg(not(any(feature = "_loom", feature = "_shuttle")))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic};
