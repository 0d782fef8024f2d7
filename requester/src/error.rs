//! The errors that prevent a run or its report.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use switchyard_wire::LARGEST_LOAD;
use thiserror::Error;

/// Why there was no run, or no report of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The target cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// An option has an invalid value.
    #[error("{option} {value} must be {rule}")]
    Option {
        /// The option, as the command line names it.
        option: &'static str,
        /// The refused value.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// A file does not fit its option.
    #[error("{option} {}: {rule}", file.display())]
    File {
        /// The option, as the command line names it.
        option: &'static str,
        /// The file.
        file: PathBuf,
        /// The rule that it breaks.
        rule: String,
    },
    /// There is nothing to trust.
    #[error("TLS can't be set up: {0}")]
    Tls(String),
    /// The host of the target has no address.
    #[error("cannot resolve {host}: {source}; check the name, or pass an address")]
    Resolve {
        /// The host of the target.
        host: String,
        /// The error of the resolver.
        source: io::Error,
    },
    /// The target refuses connections.
    #[error("cannot reach {target}: {source}; start the proxy there, or pass another target")]
    Unreachable {
        /// The target.
        target: String,
        /// The error of the last address that was tried.
        source: io::Error,
    },
    /// The target did not accept a connection in time.
    #[error("cannot reach {target}: no connection within {within:?}; check address and firewall")]
    Silent {
        /// The target.
        target: String,
        /// The timeout.
        within: Duration,
    },
    /// Not all clients could be connected before the run.
    #[error("connected {opened} of {wanted} clients: {why}")]
    Clients {
        /// How many were connected.
        opened: usize,
        /// How many were to be connected.
        wanted: usize,
        /// Why the next one could not be connected.
        why: String,
    },
    /// A page that was to be watched cannot be read.
    #[error("cannot watch {url}: {why}; check --admin and --substation")]
    Watch {
        /// The page.
        url: String,
        /// Why it cannot be read.
        why: String,
    },
    /// The run was stopped before the first request.
    #[error("stopped before the first request")]
    Stopped,
    /// The system could not create a timer.
    #[error("cannot create a timer: {0}")]
    Timer(io::Error),
    /// The histogram could not be created; a bug in this crate.
    #[error("cannot create the latency histogram: {0}")]
    Histogram(String),
    /// A connection outlived the run; a bug in this crate.
    #[error("a connection is still in use after the run; this is a bug in the requester")]
    Unfinished,
    /// Requests were offered and never counted as ended; a bug in this crate.
    #[error("{offered} requests were offered and {ended} ended; this is a bug in the requester")]
    Unaccounted {
        /// How many were offered.
        offered: u64,
        /// How many ended in some way.
        ended: u64,
    },
}

impl Error {
    /// The error for a value that must be finite and above 0: a power, an energy, a weight.
    pub(crate) fn unless_positive(option: &'static str, value: f64) -> Result<(), Self> {
        if value.is_finite() && value > 0.0 {
            return Ok(());
        }
        Err(Self::Option {
            option,
            value: value.to_string(),
            rule: "a number above 0",
        })
    }

    /// The error for a power or an energy that no proxy takes.
    pub(crate) fn unless_load(option: &'static str, value: f64) -> Result<(), Self> {
        Self::unless_positive(option, value)?;
        if value <= LARGEST_LOAD {
            return Ok(());
        }
        Err(Self::Option {
            option,
            value: format!("{value:e}"),
            rule: "at most 4e12, the largest load that a proxy counts with",
        })
    }

    /// The error for a span of time that is zero or too long.
    #[must_use]
    pub fn duration(option: &'static str, value: Duration) -> Self {
        Self::Option {
            option,
            value: format!("{value:?}"),
            rule: "above 0, at most 366 days",
        }
    }
}

/// A text is not one of the known names.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be {known}")]
pub struct UnknownName {
    /// The known names, as in "home, public or work".
    pub known: &'static str,
}

/// Why a text is not a [`Target`](crate::Target).
#[derive(Clone, Debug, Error, PartialEq)]
#[error(
    "{text:?} is not a target: {fault}; write it as http://HOST:PORT[/PATH], such as http://127.0.0.1:8080"
)]
pub struct TargetError {
    /// The text that was given.
    pub text: String,
    /// What is wrong with it.
    pub fault: &'static str,
}
