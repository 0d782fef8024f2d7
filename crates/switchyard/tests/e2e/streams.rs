//! Routes that stream: over HTTP/1.1 as the first and as a later request of a connection, over HTTP/2, each also over TLS.
//!
//! Whatever happens, nothing of it stays: each test ends with a look at `/status`, where the load has gone back, and at the
//! backend, where nothing is at work.

mod answers;
mod backends;
mod clients;
mod ends;
mod exchange;
mod requests;
mod rig;
mod smuggling;
mod terminator;
mod upgrades;
