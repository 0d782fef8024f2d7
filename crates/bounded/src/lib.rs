//! Reads what comes from outside within bounds, before it costs anything.
//!
//! A configuration, a list of targets, a certificate, a token: each is a file that somebody else writes, by hand, by
//! a template, by a script that went wrong. None of them may hang the proxy, fill its memory or occupy a core. So a
//! [`file`](mod@file) is read only if it is a regular one and not larger than its kind has reason to be; [`yaml`] is read into a
//! tree whose depth, number of nodes and text are bounded while it grows; and [`Shown`] cuts what a message repeats of
//! it, since a log line of 32 MB hides the one that matters.

pub mod file;
mod shown;
pub mod yaml;

pub use shown::Shown;
