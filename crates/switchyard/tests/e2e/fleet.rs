//! A fleet of real proxies in front of real substations whose answers get lost: how many keys are booked twice.
//!
//! Each charge has an `Idempotency-Key`. Its substation books it, the answer is lost, and the client repeats it.
//! The substations' journals say which keys are booked at more than one of them.

mod bookings;
mod client;
mod losing;
mod outages;
mod proxies;
mod repeated;
mod store;
mod storm;
mod yard;

pub(crate) use losing::serve_losing;
