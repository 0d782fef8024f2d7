//! What workers and the writer share is made of these.
//!
//! `crates/interleavings` compiles `shared.rs` with the locks and atomics of a tester in this place, which decides the order
//! of threads.

pub(crate) use std::{
    sync::atomic,
    thread::{Thread, park, park_timeout},
    time::Instant,
};

pub(crate) use parking_lot::{Condvar, Mutex};
