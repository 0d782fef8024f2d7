//! How even does a policy keep the load, when it knows the load only from old gauges?
//!
//! Cars arrive at proxies, each proxy picks a substation, and the session runs there until it ends.
//! The proxies know what real proxies know: gauges that are read at intervals, at some moment
//! between sending a scrape and its return, and answers that come late. The simulation knows
//! everything, so it can measure how far the highest utilisation exceeded the mean, and for how
//! long.
//!
//! The ledger and the policies are those of [`switchyard_balance`], not a copy. The rivals are
//! implemented beside them in [`picker`]. Nothing reads a clock or a global random generator: the
//! same seed gives the same bytes, and every contender gets the same cars at the same moments.
//!
//! Its limits: no HTTP, no health checks, no retries. A request goes to one substation, which books
//! it or, when full, refuses it.

pub mod catalogue;
pub mod contender;
mod event;
mod event_queue;
pub mod fleet;
pub mod gauges;
mod outcome;
pub mod picker;
pub mod plot;
pub mod scenario;
pub mod simulation;
pub mod table;
mod time_weighted;
pub mod tree;
pub mod trial;
mod workload;

pub use contender::Contender;
pub use outcome::Outcome;
pub use scenario::Scenario;
pub use simulation::Simulation;
pub use trial::Trial;
