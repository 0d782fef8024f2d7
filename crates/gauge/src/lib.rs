//! Reads a substation's load out of what it says of itself: a metrics page ([`exposition`]) or a header on an answer
//! ([`orca`]).
//!
//! Both readers scan bytes for the wanted names and build no tree. Both hold to one rule: a **wrong number is worse than
//! no number**. Whatever can't be read with certainty is reported as such and never as zero.

pub mod exposition;
pub mod orca;
/// The slow second parser that tests and fuzz targets compare the scan with.
#[cfg(any(test, feature = "reference"))]
#[allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "it serves tests alone, and they fail by panicking"
)]
pub mod reference;
