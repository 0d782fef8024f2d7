//! Hostile clients: bytes that no well-behaved client sends, on as many connections as wanted, and what they cost.
//!
//! A bound is only known to hold when something has run against it. A test of a bound has four parts:
//!
//! - An [`Attack`] is what one connection does: bytes at once, then piece by piece, with or without reading.
//!   [`http1`], [`http2`] and [`tls`] make the known ones.
//! - A [`Swarm`] runs an attack on many connections at once, opened fast, from any loopback addresses. It counts
//!   what it sent and how the server ended it.
//! - [`Honest`] clients send charges meanwhile at a constant rate. Their p99 is what other clients notice.
//! - [`Usage`] is what a process holds: memory, CPU time, descriptors. [`Watch`] keeps the most of it.
//!
//! All four run on threads of their own and are driven by plain calls, so a test needs no runtime.
//! All are bounded: a swarm by its connections and by its longest time, after which its connections close.

mod attack;
mod catalogue;
mod honest;
pub mod http1;
pub mod http2;
mod running;
mod swarm;
pub mod tls;
mod usage;

pub use attack::Attack;
pub use catalogue::{OVER_HTTP1, OVER_HTTP2, OVER_TLS, attack};
pub use honest::{Honest, Latencies};
pub use swarm::{Counts, Raid, Swarm};
pub use usage::{Usage, Watch};

/// A swarm needs one descriptor a connection, and the usual limit is 1,024.
pub use switchyard_process::raise_file_limit;

#[cfg(test)]
mod tests;
