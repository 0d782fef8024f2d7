//! The files of the proxy that live by atomics and wake-ups, compiled once more.
//!
//! A guard that counts a request and a drain that waits for the last one are a few lines each, and what can go wrong is in
//! the order of their steps. [Shuttle](https://docs.rs/shuttle) decides that order, if a file takes its locks and atomics
//! from it. A feature would do for that, as in `balance`, but a crate with a feature is compiled again with all that it
//! depends on: for the proxy that is a minute, for one test of a second. So the *files* are compiled again, here, by their
//! paths. Each imports what threads share from its crate's `sync` module, and here [`sync`] has shuttle's. The program is
//! built as if this crate were not there.
//!
//! Shuttle and not loom: most of this goes by the one order of all `SeqCst` operations, which loom does not have, and the
//! rest by locks. [`shuttle::check_dfs`] tries every order where there are few enough, as loom would.
//!
//! The tests are in `tests/interleavings.rs`.

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "files of the proxy link to rooms that are not here"
)]
// The files' own unit tests run in their crates.
#![cfg(not(test))]

#[path = "../../clients/src/bucket.rs"]
#[expect(dead_code, unreachable_pub, reason = "its own crate uses all of it")]
mod bucket;
#[path = "../../../proxy/src/buffered.rs"]
mod buffered;
#[path = "../../../proxy/src/in_flight.rs"]
#[expect(dead_code, unreachable_pub, reason = "its own crate uses all of it")]
mod in_flight;
pub mod models;
#[path = "../../access-log/src/shared.rs"]
#[expect(dead_code, reason = "its own crate uses all of it")]
mod shared;
mod stand_ins;
#[path = "../../../proxy/src/snapshot/swap.rs"]
mod swap;
mod sync;

use stand_ins::{AccessLogMetrics, buffer, output};
