//! What happens.
//!
//! A [`Plan`] says all that a seed means: who takes part, how the proxies are configured, and which faults come when.
//! [`run`] lets that day happen in the simulated kernel: the proxies are the real ones, substations, clients and the store
//! are actors of a few lines that speak real HTTP and the protocol of Redis, and all that any of them does or sees is an
//! [`Event`]. The actors keep the true account, which no proxy can know: who has booked what, and until when.
//! Judges compare the two.
//!
//! An actor draws its chances from the plan's seed and its own number, so the day without it is the same day for the others.

mod chance;
mod clients;
mod day;
pub mod event;
mod faults;
mod http;
mod listening;
mod operator;
pub mod plan;
mod proxies;
mod record;
mod store;
mod substations;
mod town;

pub use day::clean_up;
pub use event::{Event, What};
pub use plan::{Part, Plan};

/// Why a day could not begin or end: a fault of the simulation itself, and of no proxy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the day can't be written.
    #[error("the files of the day: {0}")]
    Files(#[from] std::io::Error),
}

/// Lets the day of `plan` happen, and tells `judge` each event in its order.
///
/// Call it in the simulated kernel. It returns when every proxy has ended, or has had twice the time for it.
pub fn run(plan: &Plan, judge: &mut dyn FnMut(&Event)) -> Result<(), Error> {
    day::live(plan, judge)
}
