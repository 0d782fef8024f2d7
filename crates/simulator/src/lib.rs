//! How even does a choice keep the load, when all it sees of the truth is an old gauge?
//!
//! Cars arrive at proxies, each proxy picks a substation, the session runs there and ends. The proxies see what
//! real ones see: gauges read once in a while, some time between a scrape's leaving and its return, and
//! answers that come late. The simulation sees everything, so it can say how far the fullest substation stood above
//! the mean, and for how long.
//!
//! The ledger and the policies are those of [`switchyard_balance`], not a copy; what others do is
//! implemented beside them in [`picker`]. Nothing reads a clock or a global generator: the same seed gives the same
//! bytes, and every contender meets the same cars at the same moments.
//!
//! What it is not: it knows no HTTP, no health checks and no retries. A request goes to one substation,
//! which books it or, when full, refuses it.

pub mod catalogue;
pub mod contender;
mod event;
pub mod fleet;
mod meter;
pub mod picker;
pub mod picture;
mod queue;
pub mod scenario;
pub mod simulation;
pub mod table;
pub mod trial;
mod workload;

pub use contender::Contender;
pub use scenario::Scenario;
pub use simulation::Simulation;
pub use trial::{Outcome, Trial};
