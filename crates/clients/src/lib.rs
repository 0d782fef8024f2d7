//! Who may ask, and how much.
//!
//! Where a configuration names clients, each request belongs to one of them: found by the token that it sends or by the
//! certificate of its connection ([`Clients`]). A client has a rate ([`Bucket`]) and a most load at once, and what it has
//! booked is its own ([`Account`]). All that outlives a reload is in [`Accounts`]; the table of clients is made anew for each
//! configuration, and a request goes by the one that it began with.
//!
//! Clients without a name have a rate by address ([`AddressRates`]).
//!
//! Nothing here knows a connection, a clock or a file: the time is passed in, as the time since the process started.

mod account;
mod accounts;
mod addresses;
mod bucket;
mod carried;
mod certificate;
mod held;
mod metrics;
mod owners;
mod sync;
mod table;
mod token;

pub use account::{Account, Full, Permit, Refused};
pub use accounts::{Accounts, Owner};
pub use addresses::AddressRates;
pub use bucket::{Allowance, Bucket, Left, TooSoon};
pub use carried::CarriedClients;
pub use certificate::CertificateNames;
pub use table::{Clients, Entry, Unknown};
pub use token::Sent;

#[cfg(test)]
mod tests;
