//! Common answers and faults, by name.

use std::time::Duration;

use crate::act::Act;

/// An answer with a Content-Length.
#[must_use]
pub fn answer(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A metrics page.
#[must_use]
pub fn page(text: &str) -> Vec<u8> {
    answer("200 OK", text)
}

/// A metrics page with this text as the value of the load gauge, which may be `NaN` or no number.
#[must_use]
pub fn gauge(value: &str) -> Vec<u8> {
    page(&format!("substation_current_load {value}\n"))
}

/// A booking.
#[must_use]
pub fn booked() -> Vec<u8> {
    answer("200 OK", r#"{"session_id":"s-1","power_kw":11}"#)
}

/// A refusal, which means "not booked".
#[must_use]
pub fn no_capacity() -> Vec<u8> {
    answer(
        "503 Service Unavailable",
        r#"{"error":{"code":"no_capacity"}}"#,
    )
}

/// A failure within a millisecond, as of a substation that looks idle because it fails.
#[must_use]
pub fn internal_error() -> Act {
    Act::Write(answer("500 Internal Server Error", "{}"))
}

/// The first half of a good answer, and the end of the connection.
#[must_use]
pub fn half_answer() -> Act {
    let mut half = booked();
    half.truncate(half.len() / 2);
    Act::WriteAndClose(half)
}

/// A reset instead of an answer.
#[must_use]
pub fn reset() -> Act {
    Act::WriteAndReset(Vec::new())
}

/// An answer with two lengths that contradict each other, so that its end is unknown.
#[must_use]
pub fn two_lengths() -> Act {
    Act::Write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}x".to_vec())
}

/// A thousand interim answers before the final one.
#[must_use]
pub fn interim_storm() -> Act {
    let mut bytes = b"HTTP/1.1 102 Processing\r\n\r\n".repeat(1_000);
    bytes.extend(booked());
    Act::Write(bytes)
}

/// A good answer, a byte at a time.
#[must_use]
pub fn drip(pause: Duration) -> Act {
    Act::Drip(booked(), pause)
}
