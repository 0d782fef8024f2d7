//! Limits that several substations share: what the substations themselves count, whatever the clients do.

mod book;
mod changes;
mod clients;
mod found;
mod held;
mod ill;
mod keys;
mod meters;
mod ordered;
mod refused;
mod ways;
mod yard;
