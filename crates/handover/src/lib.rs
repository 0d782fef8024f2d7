//! A new process takes the listening sockets over from the old one, and no client notices.
//!
//! They speak over a unix socket in a directory that only their user can enter. The new one connects, and
//! the old one sends it its listening sockets. With these the new one starts: configuration, threads, a first
//! round of samples. Only when it could answer as well as the old one does it accept, and say so; only then
//! does the old one cease. Whatever goes wrong before that word, the old one goes on as if nobody had
//! come. Both accept for a moment, from the same queue, so there is no moment in which nobody does.
//!
//! ```text
//! new                                   old
//!  │ connect ──────────────────────────▶ │  same user?
//!  │ ◀──────────────── VERSION + sockets │
//!  │ starts, samples, accepts            │  goes on
//!  │ READY_TIMEOUT ────────────────────────────▶ │  accepts no more
//!  │ ◀───────────────────────── DRAINING │  lets its clients go
//!  │ listens for its own successor       │  ends
//! ```

mod error;
mod predecessor;
mod protocol;
mod socket_path;
mod successor;

use std::time::Duration;

pub use error::Error;
pub use predecessor::Predecessor;
pub use socket_path::SocketPath;
pub use successor::{HandoverServer, Successor};

/// By when the other side must have answered what needs no work.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a new process may take to be ready, until the old one reckons with it no more.
const READY_TIMEOUT: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
