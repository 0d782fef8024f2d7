//! One look at one upstream's load gauge.
//!
//! A [`Probe`] keeps its connection and asks for one page at a time; the reader of [`switchyard_gauge`] finds the wanted
//! series in it. A [`ScrapeTicket`] ties the page to a ledger: it notes what the ledger stood at as the request left, so that
//! the ledger knows which bookings the sample can already contain. When to look, and what a failed look means, is the
//! caller's affair.

mod outcome;
mod probe;
mod ticket;

pub use outcome::PollOutcome;
pub use probe::{Gauges, Probe};
pub use ticket::{LagHistory, ScrapeTicket};
