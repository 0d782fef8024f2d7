//! One scrape of an upstream's load gauge.
//!
//! A [`Probe`] keeps its connection and requests one page at a time; [`switchyard_gauge`] finds the wanted series in
//! the page. A [`ScrapeTicket`] ties the page to a ledger: it records the state of the ledger when the scrape left, so
//! that the ledger knows which bookings the sample can already contain. The caller decides when to scrape, and what
//! a failed scrape means.
//!
//! People who look for their gauge [inspect](Probe::inspect) a page: the same scrape, which keeps what it read.

mod failure;
mod gauges;
mod inspection;
mod outcome;
mod probe;
mod ticket;
mod witness;

pub use failure::PollFailure;
pub use gauges::{Gauges, wanted};
pub use inspection::Inspection;
pub use outcome::PollOutcome;
pub use probe::{PageBuffer, Probe};
pub use ticket::{LagHistory, ScrapeTicket};
