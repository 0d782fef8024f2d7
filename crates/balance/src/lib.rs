//! Chooses the upstream that can best take the next piece of load, when all that is known of each is an old gauge.
//!
//! # Why
//!
//! Sending each request to the lowest gauge herds: with a 500 ms poll and 1,000 requests a second, every request
//! of that half second goes to the same upstream. Counting requests in flight, the usual cure, does not help
//! where an answer comes in milliseconds and the booked load stays for hours. What works is to know, for each
//! own assignment, *whether the last sample already contains it*. The [`ledger`] knows that.
//!
//! `cargo run --example herd` shows the difference. The fullest of ten backends has, as a multiple of the mean utilisation:
//!
//! ```text
//! by chance            1.074
//! the lowest gauge     1.100
//! gauges with ledgers  1.003
//! ```
//!
//! # How
//!
//! An upstream is any type of yours that has a [`Ledger`]. A [`Roster`] holds those to choose among, and a [`Selector`]
//! chooses and reserves in one step, so that two threads cannot fill the same gap. A [`Reservation`] ends in exactly one
//! way: booked, cancelled or unknown.
//!
//! ```
//! use std::sync::Arc;
//!
//! use switchyard_balance::{Ledger, Load, Reading, Roster, Selector};
//!
//! struct Server {
//!     name: &'static str,
//!     ledger: Ledger,
//! }
//!
//! impl AsRef<Ledger> for Server {
//!     fn as_ref(&self) -> &Ledger {
//!         &self.ledger
//!     }
//! }
//!
//! let load = |units| Load::new(units).unwrap_or_default();
//! let server = |name| Arc::new(Server { name, ledger: Ledger::new(None) });
//! let (small, large) = (server("small"), server("large"));
//!
//! // A scrape: the ledger notes what has been booked when it leaves, and gets what the page says.
//! let scrape = |server: &Server, sessions, most| {
//!     let sent = server.ledger.scrape_sent();
//!     let reading = Reading { load: load(sessions), capacity: Some(load(most)) };
//!     server.ledger.sample(sent, reading);
//! };
//! scrape(&small, 4.0, 10.0);
//! scrape(&large, 6.0, 30.0);
//!
//! let roster = Roster::new([Arc::clone(&small), Arc::clone(&large)]);
//! let selector = Selector::default();
//! let mut rng = fastrand::Rng::with_seed(1);
//! let mut chosen = Vec::new();
//! for _ in 0..10 {
//!     let Ok(choice) = selector.reserve(&roster, load(1.0), &mut rng) else {
//!         unreachable!("there is room for thirty more");
//!     };
//!     chosen.push(choice.reservation.upstream().name);
//!     // The server said yes. Had it said no, or had there been no connection: `cancel`.
//!     choice.reservation.booked();
//! }
//! // The gauges are as old as they were, but the ledgers have counted: now both are half full.
//! assert_eq!(chosen.iter().filter(|name| **name == "large").count(), 9);
//!
//! // The next page has what was booked before it was asked for. Nothing counts twice.
//! scrape(&large, 15.0, 30.0);
//! assert_eq!(large.ledger.estimate(), load(15.0));
//! ```
//!
//! # What else there is
//!
//! - Load that [lasts](Lasts) only as long as its answer: then a ledger knows its own part exactly.
//! - Each [`Policy`] chooses by the ledgers.
//! - Several upstreams may share limits, as under a transformer: see [`Feeder`] and [`Tree`].
//! - A [`Request`] may need upstreams of a kind: see [`Mask`].
//! - Where several proxies see the same gap, each fills its [`share`] of it.
//! - An upstream may be out of rotation, stale, or new: see [`Ledger::set_standing`], [`Ledger::set_stale`],
//!   [`Ledger::set_ramp`].
//!
//! This crate is pure: no I/O, no clock, no global randomness. Samples, time and random generators are
//! arguments, so a test can drive it event by event, and a simulator can run it faster than real time.
//! It does not fetch gauges, judge health or speak HTTP. Its caller does, and passes the results to
//! [`Ledger::sample`] and [`Ledger::set_standing`]. `switchyard-gauge` reads a load from a metrics page, and
//! `switchyard-pingora` is such a caller.
//!
//! # What is promised
//!
//! What this documentation shows follows semantic versions. What else is public is for the proxy Switchyard, is hidden
//! here, and may change with any release; so are the features that begin with `_`.

// Hidden: the proxy's own parts. What an outsider needs of them is re-exported below.
#[doc(hidden)]
pub mod carried;
#[doc(hidden)]
pub mod explain;
#[doc(hidden)]
pub mod forecast;
mod group;
mod lasts;
#[doc(hidden)]
pub mod lasts_estimator;
pub mod ledger;
#[doc(hidden)]
pub mod line;
pub mod load;
mod mask;
#[cfg(feature = "_loom")]
#[doc(hidden)]
pub mod models;
#[doc(hidden)]
pub mod past;
mod policy;
#[doc(hidden)]
pub mod promises;
mod request;
#[doc(hidden)]
pub mod request_limits;
mod reservation;
mod roster;
mod search;
mod selector;
pub mod share;
mod sync;
mod tree;
#[doc(hidden)]
pub mod trust;
#[doc(hidden)]
pub mod visibility;
mod zone;

pub use lasts::Lasts;
#[doc(no_inline)]
pub use ledger::{Feeder, FeederLock, Ledger, Reading, Standing};
#[doc(no_inline)]
pub use load::Load;
pub use mask::Mask;
pub use policy::Policy;
pub use request::{Preferred, Request};
pub use reservation::Reservation;
pub use roster::Roster;
pub use selector::{Choice, Reason, Refusal, Selector};
#[doc(no_inline)]
pub use share::ShareEstimator;
pub use tree::Tree;

// The proxy's own parts.
#[doc(hidden)]
pub use explain::Explanation;
#[doc(hidden)]
pub use forecast::Forecast;
#[doc(hidden)]
pub use lasts_estimator::LastsEstimator;
#[doc(hidden)]
pub use ledger::{RequestLimit, Trust};
#[doc(hidden)]
pub use line::Line;
#[doc(hidden)]
pub use past::PastStates;
#[doc(hidden)]
pub use policy::{Preference, Ranking};
#[doc(hidden)]
pub use promises::Promises;
#[doc(hidden)]
pub use request_limits::RequestLimits;
#[doc(hidden)]
pub use tree::{Binding, Level};
#[doc(hidden)]
pub use trust::TrustEstimator;
