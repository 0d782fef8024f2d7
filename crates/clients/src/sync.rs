//! What threads share without a lock is made of these.
//!
//! `crates/interleavings` compiles `bucket.rs` with the atomics of a tester in this place, which decides the order of threads.

pub(crate) use std::sync::atomic;
