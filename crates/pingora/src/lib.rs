//! Switchyard's choice of a backend, as parts for any proxy on Pingora.
//!
//! `pingora-load-balancing` divides the work among three traits. This crate implements each of them:
//!
//! | trait | part | what it does |
//! | --- | --- | --- |
//! | `ServiceDiscovery` | [`Substations`] | lists the backends, each with its ledger |
//! | `HealthCheck` | [`Scrape`] | reads a backend's gauge, and writes it into the ledger |
//! | `BackendSelection` | [`LeastLoad`] | chooses by the ledgers, and reserves |
//!
//! A ledger must survive every rebuild of a selection, and all three parts must find the same ledger. Pingora passes a
//! [`Backend`](pingora_load_balancing::Backend) to each of them, so the backend carries the ledger, in an [`Upstream`]
//! in its `ext`. The discovery makes each upstream once and puts the same one into every list of backends.
//!
//! The traits have no argument for the load of a request, and no call for its end. So the load goes in as the *key* of
//! a selection, and the reservation comes out in the chosen backend's `ext`; [`select_and_reserve`] does both. Keep the
//! reservation in your `CTX` and end it as [booked](switchyard_balance::Reservation::booked) or
//! [cancelled](switchyard_balance::Reservation::cancel). If it is dropped, it counts as possibly booked.
//!
//! `examples/plain_proxy.rs` is a complete proxy.

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
