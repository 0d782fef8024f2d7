//! The types of the admin port's JSON: `/status`, `/decisions`, `/events`, `/history` and the answer
//! of a reload.
//!
//! The proxy writes them; the live page and `switchyard top` read them. A field has one name in all
//! types, although `/events` writes some of them shorter. Judgements (how even is the load? what
//! needs attention?) are made here, once, in pure code: [`Balance::of`] and [`Verdict::of`].
//!
//! The JSON is a contract: a field may be added, but not renamed.

mod balance;
mod client;
mod configuration;
mod decision;
mod drain;
mod feeder;
mod fleet;
mod grid;
mod history;
mod limit;
mod prometheus;
mod reload;
mod snapshot;
mod substation;
#[cfg(test)]
mod tests;
mod traffic;
mod verdict;

pub use balance::{Balance, Fullest, Member, Oldest, Spread};
pub use client::ClientStatus;
pub use configuration::Configuration;
pub use decision::{Candidate, Decision};
pub use drain::Drain;
pub use feeder::{Feeder, FeederStatus, name_binding};
pub use fleet::Fleet;
pub use grid::{GridStatus, Health, StateFileStatus, SubstationStatus};
pub use history::{History, Values};
pub use limit::Limit;
pub use prometheus::PrometheusStatus;
pub use reload::Reload;
pub use snapshot::StatusSnapshot;
pub use substation::Substation;
pub use traffic::Traffic;
pub use verdict::{Facts, Finding, Level, Verdict};
