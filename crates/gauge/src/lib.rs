//! Reads the load that a substation reports: on a metrics page ([`exposition`]) or in a header of an answer ([`orca`]).
//!
//! Both readers look for the wanted names and build no tree. Both follow one rule: a **wrong number is worse than no
//! number**. A value that can't be read with certainty is reported as such and never as zero.

pub mod exposition;
pub mod orca;
/// A second, slow parser that tests and fuzz targets compare the scan with.
#[cfg(any(test, feature = "reference"))]
#[allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "only tests use it, and they fail by panicking"
)]
pub mod reference;
