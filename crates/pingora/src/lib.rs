//! Switchyard's choice of a backend, as parts for any proxy on Pingora.
//!
//! `pingora-load-balancing` divides the work among three traits, and each of them has its part here:
//!
//! | trait | part | what it does |
//! | --- | --- | --- |
//! | `ServiceDiscovery` | [`Substations`] | names the backends, each with its ledger |
//! | `HealthCheck` | [`Scrape`] | reads a backend's gauge, and writes it into the ledger |
//! | `BackendSelection` | [`LeastLoad`] | chooses by the ledgers, and reserves |
//!
//! A ledger has to outlive every rebuild of a selection, and all three have to find the same one. Pingora hands a
//! [`Backend`](pingora_load_balancing::Backend) to each of them, so that is where it travels: as an [`Upstream`] in `ext`.
//! The discovery makes it once and puts the same one into every list of backends.
//!
//! The traits know of no load and of no end of a request. So the load of a request goes in as the *key* of a
//! selection and its reservation comes out in the chosen backend's `ext`; [`select_and_reserve`] does both. Keep the
//! reservation in your `CTX` and end it as [booked](switchyard_balance::Reservation::booked) or
//! [cancelled](switchyard_balance::Reservation::cancel); dropped, it counts as perhaps booked.
//!
//! `examples/plain_proxy.rs` is a whole proxy.

mod discovery;
mod key;
mod reservation;
mod reserve;
mod scrape;
mod selection;
#[cfg(test)]
mod tests;
mod upstream;

pub use discovery::Substations;
pub use key::key;
pub use reservation::reservation;
pub use reserve::select_and_reserve;
pub use scrape::Scrape;
pub use selection::{Iter, LeastLoad, Rule};
pub use upstream::Upstream;
