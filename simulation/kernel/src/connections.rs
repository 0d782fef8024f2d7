//! Connections: two ends, and the segments that are under way between them.
//!
//! An end keeps what TCP promises: bytes arrive in order, once, or the connection ends. It also keeps what programs rely on
//! beyond that: a close with unread bytes is a reset, bytes that reach a closed end are answered by one, and what has
//! arrived is acknowledged in the order in which all else travels. What is sent over a link that is cut is sent again, after
//! longer and longer pauses, until TCP gives up.

mod end;
mod programs;
mod travel;

pub(crate) use end::{End, EndId, Owner};
