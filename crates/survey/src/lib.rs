//! Looks at what substations show: for `switchyard probe` and `switchyard init`.
//!
//! - [`Surveyor`] scrapes a substation once, as the proxy would: with its configuration, over its TLS, with its token,
//!   by the same code. What it met is a [`Look`].
//! - [`Page`] is all that a page shows. [`Row`]s say which of its series are read, and why others are not.
//! - [`nearest()`] are names on a page that a name may have been meant for.
//! - [`candidates()`] are the gauges that look like the load of a substation, the likeliest first.

#![cfg_attr(
    test,
    allow(clippy::float_cmp, reason = "loads of whole numbers are exact")
)]

mod candidates;
mod known;
mod look;
mod nearest;
mod page;
mod rows;

pub use candidates::{Candidate, candidates};
pub use known::{Known, Unit};
pub use look::{Look, Surveyor, look_at_all};
pub use nearest::nearest;
pub use page::{Page, Series};
pub use rows::{Row, Why, rows};
