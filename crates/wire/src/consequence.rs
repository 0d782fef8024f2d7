//! The consequence of a failed exchange for the client: the texts of 502, 503 and 504.

use std::{fmt, time::Duration};

use crate::{Code, Failure};

/// What an unanswered request means for the client, and what the client should do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Consequence {
    /// A charge that certainly did not arrive.
    NotBooked,
    /// A charge that may have arrived.
    MayBeBooked,
    /// A request of a route that certainly did not arrive.
    NotDone,
    /// A request of a route that may have arrived.
    MayBeDone,
    /// A request that may be repeated whatever became of it, as a `GET` of a session.
    NothingChanged,
    /// An unplug that certainly did not arrive.
    NotUnplugged,
    /// An unplug that may have arrived.
    MayBeUnplugged,
}

impl fmt::Display for Consequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBooked => "the session is not booked: try again",
            Self::MayBeBooked => {
                "the session may be booked there, so the request was not sent elsewhere"
            }
            Self::NotDone => "nothing was done: try again",
            Self::MayBeDone => "it may have been done there, so the request was not sent elsewhere",
            Self::NothingChanged => "try again",
            Self::NotUnplugged => "nothing was unplugged: try again",
            Self::MayBeUnplugged => {
                "the session may or may not be unplugged: try again; a 404 then means that it has ended"
            }
        })
    }
}

impl Failure {
    /// No connection to `substation` could be made.
    #[must_use]
    pub fn unreachable(substation: &str, error: impl fmt::Display, means: Consequence) -> Self {
        let message = format!("{substation} can't be reached ({error}); {means}");
        Self::new(Code::NoSubstation, message)
    }

    /// No connection to a substation could be made, because the proxy lacks something.
    #[must_use]
    pub fn lacking(what: impl fmt::Display, means: Consequence) -> Self {
        Self::new(Code::Overloaded, format!("the proxy: {what}; {means}"))
    }

    /// The answer of `substation` is larger than the proxy accepts.
    #[must_use]
    pub fn oversize(substation: &str, how: impl fmt::Display, means: Consequence) -> Self {
        let message = format!("the answer of {substation} is too large: {how}; {means}");
        Self::new(Code::SubstationFailed, message)
    }

    /// The connection to `substation` was lost, or it sent no valid answer.
    #[must_use]
    pub fn lost(substation: &str, reason: impl fmt::Display, means: Consequence) -> Self {
        let message = format!("{substation} broke the connection: {reason}; {means}");
        Self::new(Code::SubstationFailed, message)
    }

    /// `substation` did not answer within `limit`, which is `timeouts.request`.
    #[must_use]
    pub fn late(substation: &str, limit: Duration, means: Consequence) -> Self {
        let limit = humantime::format_duration(limit);
        let message =
            format!("{substation} did not answer within {limit} (timeouts.request); {means}");
        Self::new(Code::DeadlineExceeded, message)
    }
}
