//! Asks Prometheus for the last samples of all series of a selector.
//!
//! **The question.** An instant query answers with values at the moment of its evaluation, and that is not when the
//! values were read. A query of a range, `SELECTOR[RANGE]` at `/api/v1/query`, answers with the samples as they were
//! stored, each with its own time, and so do the databases that speak its API. Capacities are asked by an instant
//! query, because when they were read does not matter.
//!
//! **The answer** is read while it arrives ([`Reader`]): a series is handed over as soon as it is complete, so ten
//! thousand of them take no more memory than one.
//!
//! **The clocks.** A sample has the time of the server's clock. Each answer has a `date`, and that bounds by how much
//! that clock is ahead of this one: see [`Offset`].

mod client;
mod error;
mod offset;
mod plain;
mod reader;
mod series;

pub use client::{Answer, Client, Session};
pub use error::{QueryError, QueryOutcome};
pub use offset::Offset;
pub use reader::Reader;
pub use series::{Point, Series};
