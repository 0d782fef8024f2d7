//! What clients and substations see of the proxy, said once.
//!
//! [`Code`] is the error contract: each code has one status, one outcome and one answer to the question whether trying
//! again helps. A [`Failure`] is such an error on its way to a client, with a message that says what to do. [`names`]
//! holds the paths, headers and gauges of the contract.
//!
//! A name or a status that stands here is a promise to programs outside this repository: add, but do not change.

mod consequence;
mod error;
pub mod names;
mod outcome;

pub use consequence::Consequence;
pub use error::{Code, Failure};
pub use outcome::Outcome;
