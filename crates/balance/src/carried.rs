//! What one process leaves to the next: plain data, without a moment of its clock.
//!
//! Moments are left as spans of time, and running sums as differences. With the feature `serde` it can be written and
//! read. The code that restores it says how long ago it was written.

pub use crate::{
    forecast::CarriedForecast,
    ledger::{CarriedLedger, Carrier},
    promises::{CarriedPlace, CarriedPromises},
    request_limits::CarriedPace,
    share::CarriedShare,
};
