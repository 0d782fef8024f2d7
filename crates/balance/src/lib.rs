//! Chooses the upstream that can best take the next piece of load, when all that is known of each is an old gauge.
//!
//! Sending each request to the lowest gauge herds: with a 500 ms poll and 1,000 requests a second, every request
//! of that half second goes to the same upstream. Counting requests in flight, the usual cure, does not help
//! where an answer comes in milliseconds and the booked load stays for hours. What works is to know, for each
//! own assignment, *whether the last sample already contains it*. The [`ledger`] knows that.
//!
//! Load that [lasts] only as long as its answer is the other case: then a ledger knows its own part exactly.
//!
//! Each [`policy`] chooses by the ledgers. In the [`selector`], a choice and its reservation are one step, so that
//! two threads cannot fill the same gap. Where several proxies see the same gap, each fills its [`share`] of it.
//!
//! Several upstreams may share limits, as under a transformer: see [`Feeder`]. A [`Request`] may need upstreams of a kind.
//!
//! An upstream that is slow or hangs has [`request_limits`], and a gauge that lies loses its [`trust`].
//! A sample may be told long after it was taken: see [`past`].
//! Where no upstream has room, [`promises`] say when there will be, and requests that wait stand in a
//! [`line`](mod@line).
//!
//! This crate is pure: no I/O, no clock, no global randomness. Samples, time and random generators are
//! arguments, so a test can drive it event by event, and a simulator can run it faster than real time.
//!
//! What they have learned can be carried to the next process: see [`carried`].
//!
//! It does not fetch gauges, judge health or speak HTTP. Its caller does, and passes the results to
//! [`Ledger::sample`] and [`Ledger::set_standing`].

pub mod carried;
pub mod explain;
pub mod forecast;
mod group;
pub mod lasts;
pub mod lasts_estimator;
pub mod ledger;
pub mod line;
pub mod load;
mod mask;
#[cfg(feature = "loom")]
#[doc(hidden)]
pub mod models;
pub mod past;
pub mod policy;
pub mod promises;
pub mod request;
pub mod request_limits;
pub mod reservation;
pub mod roster;
mod search;
pub mod selector;
pub mod share;
mod sync;
pub mod tree;
pub mod trust;
pub mod visibility;
mod zone;

pub use explain::Explanation;
pub use forecast::Forecast;
pub use lasts::Lasts;
pub use lasts_estimator::LastsEstimator;
pub use ledger::{Feeder, FeederLock, Ledger, Reading, RequestLimit, Standing, Trust};
pub use line::Line;
pub use load::Load;
pub use mask::Mask;
pub use past::PastStates;
pub use policy::{Policy, Preference, Ranking};
pub use promises::Promises;
pub use request::{Preferred, Request};
pub use request_limits::RequestLimits;
pub use reservation::Reservation;
pub use roster::Roster;
pub use selector::{Choice, Reason, Refusal, Selector};
pub use share::ShareEstimator;
pub use tree::{Binding, Level, Tree};
pub use trust::TrustEstimator;
