//! A fault rig: substations that misbehave on command, a load that keeps account of every answer, and an
//! audit that holds the two against each other.
//!
//! What a proxy promises about failures can only be shown with failures: a substation that hangs, resets,
//! answers half, or books and then says nothing. [`Scripted`] does what a test tells it, byte by byte;
//! [`fault`] has the usual misdeeds by name; [`Faulty`] keeps a true book and misbehaves at random, from a
//! seed. [`Load`] sends charges that each have an id of their own and writes down what was answered, and
//! [`Audit`] asks of each: was a client told "booked" by a substation that has no such session? Is one
//! request booked twice? Was "not booked" a lie?
//!
//! For tests only, so it panics where a test would fail.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "a test that can't go on has failed; the rig is only ever part of one"
)]

mod audit;
pub mod fault;
mod faulty;
mod http;
mod load;
mod scripted;

pub use audit::{Audit, Booking, Verdict};
pub use faulty::{Faulty, Misdeed};
pub use http::{Answer, Connection, get, post, raw, request};
pub use load::{Load, Record, Told};
pub use scripted::{Act, Scripted};

use std::time::Duration;

/// Longer than anything takes on a busy machine: what waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);
