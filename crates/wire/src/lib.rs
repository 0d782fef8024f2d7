//! The contract with clients and substations, defined once.
//!
//! [`Code`] is the error contract: each code has one status, one outcome, and says whether a retry can help. A
//! [`Failure`] is such an error with a message that says what to do. [`names`] holds the paths, headers and gauges.
//!
//! Programs outside this repository depend on these names and statuses: add to them, but do not change them.

mod consequence;
mod error;
pub mod names;
mod openai;
mod outcome;
mod retry_after;

/// The largest load and the largest capacity, in the unit of the load gauge: more is refused wherever it is written. It
/// is what a sum of loads can hold in whole millionths, with room for what is on its way.
pub const LARGEST_LOAD: f64 = 4e12;

pub use consequence::Consequence;
pub use error::{Code, Detail, Failure, Retry};
pub use outcome::Outcome;
pub use retry_after::retry_after;
