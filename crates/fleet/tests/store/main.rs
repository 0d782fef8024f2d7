//! The store against a real `redis-server`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that can't go on has failed"
)]

mod claims;
mod cost;
mod drains;
mod faults;
mod liars;
mod state;
mod support;
mod tls;
