//! The load generator as its users run it: as a library against real sockets, and as the binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test fails by panicking, and counts are exact"
)]

#[cfg(unix)]
mod access;
#[cfg(unix)]
mod binary;
mod labels;
mod run;
mod schema;
mod support;
