//! What threads share is made of these.
//!
//! `crates/interleavings` compiles some files of this crate with the locks and atomics of a tester in this place, which
//! decides the order of threads. So a file that is tested there takes them from here, and the program has the usual ones.

pub(crate) use std::sync::atomic;

pub(crate) use arc_swap::{ArcSwap, Guard};
pub(crate) use parking_lot::{Mutex, MutexGuard};
pub(crate) use tokio::{sync::Notify, time::sleep};
