//! What can stop a run.

use std::io;
use std::time::Duration;

use thiserror::Error;

/// Why there was no run, or no report of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The target is not one that can be asked.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// An option has a value that no run can have.
    #[error("{option} {value} must be {rule}")]
    Option {
        /// The option, as the command line names it.
        option: &'static str,
        /// The refused value.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// The host of the target has no address.
    #[error("cannot resolve {host}: {source}; check the name, or pass an address")]
    Resolve {
        /// The host that was asked for.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Nobody listens at the target.
    #[error("cannot reach {target}: {source}; start the proxy there, or pass another target")]
    Unreachable {
        /// The target.
        target: String,
        /// What the last of its addresses said.
        source: io::Error,
    },
    /// The target did not even accept a connection in time.
    #[error("cannot reach {target}: no connection within {within:?}; check address and firewall")]
    Silent {
        /// The target.
        target: String,
        /// How long was waited.
        within: Duration,
    },
    /// Not all the clients that were to be there from the start could be connected.
    #[error("connected {opened} of {wanted} clients: {why}")]
    Clients {
        /// How many were connected.
        opened: usize,
        /// How many were to be.
        wanted: usize,
        /// What the next one met.
        why: String,
    },
    /// A page that was to be watched can't be read.
    #[error("cannot watch {url}: {why}; check --admin and --substation")]
    Watch {
        /// The page.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// It was told to stop before anything was sent.
    #[error("stopped before the first request")]
    Stopped,
    /// The system gave no timer.
    #[error("cannot make a timer: {0}")]
    Timer(io::Error),
    /// The histogram could not be made, which is a mistake in this crate.
    #[error("cannot make the latency histogram: {0}")]
    Histogram(String),
    /// A connection outlived the run, which is a mistake in this crate.
    #[error("a connection is still in use after the run; this is a bug in the requester")]
    Unfinished,
    /// Requests got lost between being offered and having ended, which is a mistake in this crate.
    #[error("{offered} requests were offered and {ended} ended; this is a bug in the requester")]
    Unaccounted {
        /// How many were offered.
        offered: u64,
        /// How many ended in some way.
        ended: u64,
    },
}

/// Why a text is no [`Target`](crate::Target).
#[derive(Clone, Debug, Error, PartialEq)]
#[error(
    "{text:?} is no target: {fault}; write it as http://HOST:PORT[/PATH], such as http://127.0.0.1:8080"
)]
pub struct TargetError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub fault: &'static str,
}
