//! A fault rig: substations that misbehave on command, a load that records every answer, and an audit that
//! compares the two.
//!
//! A proxy's promises about failures can only be tested with failures: a substation that hangs, resets, sends
//! half an answer, or books and sends none.
//!
//! - [`Scripted`] does what a test tells it, byte by byte.
//! - [`Streaming`] answers in steps that a test lets go on, reads as slowly as it is told, and notices that a client leaves.
//! - [`fault`] has common faults by name.
//! - [`Faulty`] keeps a correct book and misbehaves at random, from a seed.
//! - [`Load`] sends charges with unique ids and records their answers.
//! - [`Audit`] checks each record. Was a client told "booked", and no substation has the session? Is one
//!   request booked twice? Was a client told "not booked", and the request is booked?
//! - [`Collector`] takes traces, or does not.
//! - [`ClosedPort`] is a port where nothing listens, and that no other socket gets meanwhile.
//! - [`Deaf`] is an output stream that takes nothing.
//! - [`RedisServer`] is a real store, which can be killed, stopped and started again.
//! - [`hostile`] has clients that attack, honest ones that measure meanwhile, and what it costs the process.
//!
//! For tests only, so it panics where a test would fail.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "a test that can't go on has failed, and only tests use the rig"
)]

mod act;
mod audit;
mod closed_port;
mod collector;
mod deaf;
pub mod fault;
mod faulty;
pub mod hostile;
mod http;
mod load;
mod redis;
mod scripted;
mod streaming;

pub use act::Act;
pub use audit::{Audit, Booking, Verdict};
pub use closed_port::ClosedPort;
pub use collector::{CollectedSpan, Collector, Taking};
pub use deaf::Deaf;
pub use faulty::{Faulty, Misdeed};
pub use http::{Answer, Connection, get, post, raw, request};
pub use load::{Load, Record, Told};
pub use redis::RedisServer;
pub use scripted::Scripted;
pub use streaming::{Step, Streamed, Streaming};

use std::time::Duration;

/// The time after which a wait has failed: longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);
