//! One scrape of an upstream's load gauge.
//!
//! A [`Probe`] keeps its connection and requests one page at a time; [`switchyard_gauge`] finds the wanted series in
//! the page. A [`ScrapeTicket`] ties the page to a ledger: it records the state of the ledger when the scrape left, so
//! that the ledger knows which bookings the sample can already contain. The caller decides when to scrape, and what
//! a failed scrape means.

mod failure;
mod outcome;
mod probe;
mod ticket;

pub use failure::PollFailure;
pub use outcome::PollOutcome;
pub use probe::{Gauges, PageBuffer, Probe, wanted};
pub use ticket::{LagHistory, ScrapeTicket};
