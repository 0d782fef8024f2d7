//! Why a scrape brought no sample, in words for the log.

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use switchyard_balance::load::LARGEST;
use switchyard_gauge::exposition::Found;
use switchyard_process::Shortage;
use switchyard_transport::Refusal;

use crate::outcome::PollOutcome;

/// The most that is kept of where a redirect leads, in bytes.
const LONGEST_LOCATION: usize = 200;

/// Why a scrape brought no sample of a gauge. [`fmt::Display`] says it, and what to do.
#[derive(Debug)]
pub enum PollFailure {
    /// No complete answer within this time, `load.timeout`.
    Timeout(Duration),
    /// No connection could be made, or it was lost.
    Connect(io::Error),
    /// No TLS connection could be made.
    Tls(Refusal),
    /// This process lacks what a connection takes.
    Lacking(Shortage),
    /// An answer with a status other than 200, and where it leads, if it is a redirect.
    Status {
        /// The status.
        status: u16,
        /// Its `Location`.
        location: Option<String>,
    },
    /// The status 401 or 403, and the file with the token that was sent, if one was.
    Unauthorized(u16, Option<PathBuf>),
    /// The answer is not HTTP that could be read.
    Answer(io::Error),
    /// No series of the page is the gauge.
    Missing(Arc<str>),
    /// Several series of the page are the gauge, and no aggregate is configured for them.
    Several(usize),
    /// The value of the gauge is no load.
    Value(Arc<str>, f64),
    /// The value of the gauge is above the largest that is counted.
    TooLarge(Arc<str>, f64),
    /// The page ended before its end, and the aggregate needs all series.
    Partial,
    /// A line of the gauge can't be read.
    Malformed(Arc<str>),
}

impl PollFailure {
    /// Of an answer with a status other than 200. A location is kept in part, if it is long.
    pub(crate) fn status(status: u16, location: Option<&[u8]>) -> Self {
        let shown = |location: &[u8]| {
            let kept = location.get(..LONGEST_LOCATION).unwrap_or(location);
            String::from_utf8_lossy(kept).escape_debug().to_string()
        };
        Self::Status {
            status,
            location: location.map(shown),
        }
    }

    /// Of a page on which the gauge `metric` has no value.
    pub(crate) fn of(found: Found, metric: &Arc<str>) -> Self {
        let metric = Arc::clone(metric);
        match found {
            Found::Missing => Self::Missing(metric),
            Found::Ambiguous(series) => Self::Several(series),
            // It is finite and not negative, so it is too large if it is no load.
            Found::One(value) => Self::TooLarge(metric, value),
            Found::Unusable(value) => Self::Value(metric, value),
            Found::Partial => Self::Partial,
            Found::Malformed => Self::Malformed(metric),
        }
    }

    /// How metrics count it.
    #[must_use]
    pub fn outcome(&self) -> PollOutcome {
        match self {
            Self::Timeout(_) => PollOutcome::Timeout,
            Self::Connect(_) | Self::Tls(_) => PollOutcome::Connect,
            Self::Lacking(_) => PollOutcome::Shortage,
            Self::Status { .. } | Self::Unauthorized(..) => PollOutcome::Status,
            Self::TooLarge(..) => PollOutcome::TooLarge,
            Self::Missing(_) | Self::Several(_) => PollOutcome::Missing,
            Self::Answer(_) | Self::Value(..) | Self::Partial | Self::Malformed(_) => {
                PollOutcome::Parse
            }
        }
    }

    /// Whether another failure has the same cause, so that it need not be logged again.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Status { status, .. }, Self::Status { status: other, .. }) => status == other,
            (Self::Tls(one), Self::Tls(other)) => one.reason() == other.reason(),
            (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
        }
    }
}

impl fmt::Display for PollFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout(timeout) => {
                write!(out, "no complete answer within {timeout:?} (load.timeout)")
            }
            Self::Connect(error) => write!(out, "cannot connect: {error}"),
            Self::Tls(refusal) => write!(out, "no TLS connection: {refusal}"),
            Self::Lacking(shortage) => write!(out, "cannot connect: {shortage}"),
            Self::Status {
                status,
                location: Some(location),
            } => write!(
                out,
                "status {status}, which leads to {location}: redirects are not followed, correct load.path"
            ),
            Self::Status {
                status,
                location: None,
            } => write!(out, "status {status} instead of 200: correct load.path"),
            Self::Unauthorized(status, Some(file)) => write!(
                out,
                "status {status}: the page does not accept the token in {}: write one into it that may read metrics",
                file.display()
            ),
            Self::Unauthorized(status, None) => write!(
                out,
                "status {status}: the page wants a token: name its file in load.authorization.credentials_file"
            ),
            Self::Answer(error) => write!(out, "the answer can't be read: {error}"),
            Self::Missing(metric) => write!(out, "no series matches {metric}: correct its name"),
            Self::Several(series) => {
                write!(out, "{series} series match: add labels or load.aggregate")
            }
            Self::Value(metric, value) => {
                write!(
                    out,
                    "{metric} is {value}, which is no load: correct the gauge"
                )
            }
            Self::TooLarge(metric, value) => write!(
                out,
                "{metric} is {value:e}, and {LARGEST:e} is the most that is counted: export load and capacity in a \
                 larger unit"
            ),
            Self::Partial => {
                out.write_str("the page was cut off, and load.aggregate needs all series")
            }
            Self::Malformed(metric) => {
                write!(out, "a line of {metric} can't be read: correct the gauge")
            }
        }
    }
}

#[cfg(test)]
mod tests;
