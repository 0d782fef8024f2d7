//! What an answer shows about its substation, besides what it says to the client.

use std::time::Duration;

use switchyard_http1::{Answer, nominates};
use tokio::time::Instant;

/// What answers show about their substation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Observation {
    /// How many answers came.
    pub(super) answers: usize,
    /// How long the slowest took.
    pub(super) slowest: Duration,
    /// Whether the request of the slowest answer had been written before the answer ahead of it came. The two answers
    /// could have come together, so the time between them is the substation's.
    pub(super) is_straggler: bool,
    /// When the latest of the answered requests was sent; `None` without an answer.
    pub(super) latest_sent: Option<Instant>,
    /// Whether the substation did something that rules out pipelining for a while.
    pub(super) is_doubtful: bool,
}

impl Observation {
    /// What an answer on a connection of its own shows, which came `now` to a request of `sent`.
    pub(super) fn of(answer: &Answer, sent: Instant, now: Instant) -> Self {
        Self {
            answers: 1,
            slowest: now.saturating_duration_since(sent),
            is_straggler: false,
            latest_sent: Some(sent),
            is_doubtful: (!answer.reusable && !is_about_request(answer)) || !is_http_11(answer),
        }
    }
}

/// Whether an answer is an error, as 400 or 431: servers that end the connection with it do so for the request's sake,
/// and keep others open.
pub(super) fn is_about_request(answer: &Answer) -> bool {
    answer.status >= 400
}

/// Whether the answer announces that it is the last on its connection. The substation must then process no further
/// request (RFC 9112 §9.6).
pub(super) fn says_close(answer: &Answer) -> bool {
    let says = |(name, value): (&[u8], &[u8])| {
        name.eq_ignore_ascii_case(b"connection") && nominates(value, b"close")
    };
    is_http_11(answer) && answer.headers().any(says)
}

/// Whether the answer is in HTTP/1.1, the only version that is pipelined.
pub(super) fn is_http_11(answer: &Answer) -> bool {
    answer.head.starts_with(b"HTTP/1.1")
}
