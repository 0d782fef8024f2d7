//! Why a query brought no samples, in words for the log and as a name for metrics.

use std::time::Duration;

use enum_map::Enum;
use strum::{IntoStaticStr, VariantArray};
use switchyard_bounded::Shown;
use switchyard_fetch::FetchError;
use switchyard_process::Shortage;
use thiserror::Error;

/// How a query ended, as metrics name it.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum QueryOutcome {
    /// Series.
    Ok,
    /// An answer without a series.
    Empty,
    /// No complete answer within the timeout.
    Timeout,
    /// No connection could be made, or it was lost.
    Connect,
    /// This process lacks what a connection takes, such as a local port.
    Shortage,
    /// An answer with a status other than 200 that says nothing of the query.
    Status,
    /// The answer says that the query failed.
    Query,
    /// An answer that can't be read.
    Parse,
}

/// Why a query brought no samples. [`std::fmt::Display`] says it, and what to do.
#[derive(Debug, Error)]
pub enum QueryError {
    /// There is no answer.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The answer is not whole in time.
    #[error("no complete answer within {} (load.prometheus.timeout)", humantime::format_duration(*.0))]
    Slow(Duration),
    /// The connection broke within the answer.
    #[error("the connection broke within the answer: {0}")]
    Body(hyper::Error),
    /// The answer says that the query failed.
    #[error("the query failed ({kind}): {}", Shown::message(message))]
    Said {
        /// The kind of the error: `bad_data`, `timeout`, `execution` and others.
        kind: String,
        /// What the server says.
        message: String,
    },
    /// A series that is too large.
    #[error("a series takes more than 1 MiB")]
    TooLarge,
    /// One value, where series were asked for.
    #[error("the query answers with one value in place of series: write a selector")]
    Scalar,
    /// Series of which each has one value, at the time of the query.
    #[error("the answer has no samples with times of their own: correct load.prometheus.url")]
    Instant,
    /// No answer to a query.
    #[error("the answer can't be read: {}", Shown::message(_0))]
    Malformed(String),
    /// No series matches.
    #[error("no series matches, or none has had a sample lately: correct load.prometheus.query")]
    Empty,
}

impl QueryError {
    /// What this process lacks for a connection, if that is why.
    #[must_use]
    pub fn shortage(&self) -> Option<Shortage> {
        match self {
            Self::Fetch(FetchError::Connect(error)) => Shortage::of(error),
            _ => None,
        }
    }

    /// How metrics count it.
    #[must_use]
    pub fn outcome(&self) -> QueryOutcome {
        match self {
            Self::Slow(_) => QueryOutcome::Timeout,
            _ if self.shortage().is_some() => QueryOutcome::Shortage,
            Self::Fetch(FetchError::Unauthorized(..) | FetchError::Status { .. }) => {
                QueryOutcome::Status
            }
            Self::Fetch(FetchError::Encoded(_)) => QueryOutcome::Parse,
            Self::Fetch(_) | Self::Body(_) => QueryOutcome::Connect,
            Self::Said { .. } => QueryOutcome::Query,
            Self::TooLarge | Self::Scalar | Self::Instant | Self::Malformed(_) => {
                QueryOutcome::Parse
            }
            Self::Empty => QueryOutcome::Empty,
        }
    }
}
