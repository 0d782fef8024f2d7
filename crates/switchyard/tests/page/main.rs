//! The live page in a real browser, in front of the real binary.
//!
//! Where there is no Chromium the tests say so and pass: `make test` installs it, or says why it can't. Every browser
//! keeps account of what it logged and whom it asked, and no test ends without that having been looked at.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on has failed; the rig is only ever part of one"
)]
#![allow(
    dead_code,
    reason = "the rig is shared with the tests without a browser, and does more than is asked of it here"
)]

mod browser;
mod hostile;
mod live;
mod look;
mod many;
mod pictures;
#[path = "../e2e/rig.rs"]
mod rig;
mod speed;
#[path = "../e2e/substations.rs"]
mod substations;
