//! What a client asks, and what comes of it.

use std::time::Duration;

/// A client's request, and which sending of it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId {
    /// The client.
    pub client: usize,
    /// The number of its request.
    pub number: usize,
    /// The number of its sending by the client, from 0.
    pub sending: usize,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// To book.
    Charge {
        /// The `Idempotency-Key`.
        key: Option<String>,
        /// The load.
        load: f64,
        /// How long the session lasts.
        lasts: Duration,
        /// The `x-possible-holder` that it sends back.
        holder: Option<String>,
    },
    /// To see a session.
    Look {
        /// Its id.
        session: String,
    },
    /// To end a session.
    Unplug {
        /// Its id.
        session: String,
    },
}

/// An answer as the client sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The `code` of an error of the proxy or of a substation.
    pub code: Option<String>,
    /// The `message` of an error.
    pub message: Option<String>,
    /// The `session_id`.
    pub session: Option<String>,
    /// `x-substation`: the answer is that substation's own.
    pub substation: Option<String>,
    /// `idempotent-replayed`.
    pub is_replay: bool,
    /// `x-possible-holder`.
    pub holder: Option<String>,
    /// `retry-after`.
    pub retry_after: Option<u64>,
}

impl Answer {
    /// Whether the contract lets the client ask again without a key, because nothing is booked.
    #[must_use]
    pub fn is_certainly_not_booked(&self) -> bool {
        match self.status {
            200..=299 => false,
            // The message says so where nothing arrived.
            502 | 504 => self
                .message
                .as_ref()
                .is_some_and(|text| text.contains("is not booked") || text.contains("nothing was")),
            _ => true,
        }
    }
}

/// How an answer was lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loss {
    /// There was no connection.
    NotConnected,
    /// The connection ended before the first byte of an answer.
    Closed,
    /// The connection ended in the middle of the answer.
    Half,
    /// What came is no answer of HTTP.
    Malformed,
    /// Nothing came for much longer than a proxy may take: the client gave up.
    Silent,
}
