//! The live page in a real browser, in front of the real binary.
//!
//! Without Chromium the tests print that they skip, and pass; `make test` installs it, or says why
//! it can't. Every browser records its console and its requests, and every test checks both at its
//! end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test that can't go on has failed; the rig is only part of tests"
)]
#![allow(
    dead_code,
    reason = "the rig is shared with the tests without a browser, which use more of it"
)]

mod browser;
mod dead;
mod fit;
mod hostile;
mod live;
mod look;
mod many;
mod pictures;
mod report;
#[path = "../e2e/rig.rs"]
mod rig;
mod speed;
#[path = "../e2e/substations.rs"]
mod substations;
mod tree;
