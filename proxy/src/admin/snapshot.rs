//! Captures the snapshot that the live page and `switchyard top` show: the whole proxy at one
//! moment, with a verdict.

mod capture;
mod traffic;

pub(super) use capture::capture;
pub(super) use traffic::RateWindow;
