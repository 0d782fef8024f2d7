//! Hot restart: a new process takes over the listening sockets of the old process, and no client notices.
//!
//! They talk over a unix socket in a directory that only their user can enter. The new process connects, and the old
//! process sends its listening sockets. With these the new process starts: configuration, threads, a first round of
//! samples. When it could answer as well as the old process, it asks for what that one knows (STATE), accepts
//! connections and sends READY; only then does the old process stop accepting. If anything fails before that, the old
//! process continues as before. For a moment both accept from the same queue, so there is no moment in which neither
//! does.
//!
//! What the old process knows is bytes to this crate. From STATE to READY it keeps what must not change meanwhile. After
//! that the connection stays open as a [`Relay`]: the old process asks the new one whatever they must decide together,
//! until its last client has left.
//!
//! ```text
//! new                                   old
//!  │ connect, VERSION ─────────────────▶ │  same user? same version? no other under way?
//!  │ ◀──────────────── VERSION + sockets │
//!  │ starts, samples                     │  continues
//!  │ STATE ────────────────────────────▶ │  keeps what must not change
//!  │ ◀──────────────────── length, state │
//!  │ takes the state up, accepts         │
//!  │ READY ────────────────────────────▶ │  accepts no more
//!  │ ◀───────────────────────── DRAINING │  drains its clients
//!  │ ◀──────────────────────── questions │
//!  │ answers ──────────────────────────▶ │
//!  │ listens for its own successor       │  ends
//! ```

mod error;
mod predecessor;
mod protocol;
mod relay;
mod socket_path;
mod successor;

use std::time::Duration;

pub use error::Error;
pub use predecessor::Predecessor;
pub use relay::{Relay, RelayServer};
pub use socket_path::SocketPath;
pub use successor::{HandoverServer, Successor};

/// The limit for an answer that needs no work.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The limit for a new process to be ready, after which the old process gives it up.
const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// The limit for the state of the old process to be made and to arrive.
const STATE_TIMEOUT: Duration = Duration::from_secs(20);

/// The limit for a new process that has the state to be ready: until then the old process keeps what must not change.
const FROZEN_TIMEOUT: Duration = Duration::from_secs(20);

/// The most bytes of state.
pub const LARGEST_STATE: u64 = 1 << 30;

#[cfg(test)]
mod tests;
