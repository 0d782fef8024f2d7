//! What a substation books.

use std::time::Duration;

use super::RequestId;

/// What a substation has booked.
#[derive(Clone, Debug, PartialEq)]
pub struct Booking {
    /// The session, as clients see it.
    pub session: String,
    /// The `x-request-id`.
    pub request: Option<RequestId>,
    /// The `Idempotency-Key`.
    pub key: Option<String>,
    /// The load.
    pub load: f64,
    /// When it ends by itself; none if it ends with its answer.
    pub until: Option<Duration>,
    /// The load of the substation, this one included.
    pub total: f64,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Release {
    /// Its time was over.
    Completed,
    /// It was unplugged.
    Unplugged,
    /// Its answer has been sent, or can't be sent any more, where loads end with that.
    Answered,
    /// The substation has lost it with its process.
    Forgotten,
}
