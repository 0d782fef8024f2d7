//! A substation as its clients meet it: over sockets, in this process or as the binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test fails by panicking, and loads are exact"
)]

#[cfg(unix)]
mod binary;
mod connections;
mod idempotency;
mod metrics;
#[cfg(unix)]
mod secure;
mod support;
mod wire;
