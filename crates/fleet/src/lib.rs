//! The store that the proxies of a fleet share, over Redis' protocol (Redis 7, Valkey).
//!
//! It holds two things: which substation holds which `Idempotency-Key`, and which substations an operator has drained.
//! A proxy starts, gets ready and serves requests without a key while the store is away; [`Store`] connects in the
//! background and comes back by itself.
//!
//! A call to the store has three ends, never a fourth: an answer, an error of the store, or no answer within
//! `fleet.timeout`. After the last two nothing is known of the key, and [`StoreError`] says why. Nothing is guessed:
//! both operations on keys are idempotent, so a call whose answer is lost is repeated once, if there is time.

mod allowance;
mod check;
mod connect;
mod credentials;
mod drains;
mod error;
mod health;
mod lanes;
mod link;
mod metrics;
mod options;
mod password;
#[cfg(test)]
mod replies;
mod scripts;
mod shared_drains;
mod store;
mod tls;

pub use drains::{Drain, Drains};
pub use error::{ErrorKind, StoreError};
pub use metrics::StoreMetrics;
pub use store::{Store, StoreState};
