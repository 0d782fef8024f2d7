//! Hostile HTTP/1.1: slow and unfinished heads and bodies, many fields, answers that are not read.

use std::{fmt::Write, time::Duration};

use super::Attack;

const LINE: &str = "POST /request_charge HTTP/1.1\r\nhost: localhost\r\n";
const CHARGE: &str = r#"{"power_kw": 1, "energy_kwh": 1}"#;

/// A head of so many bytes, in one long field, that never ends.
#[must_use]
pub fn unfinished_head(size: usize) -> Attack {
    Attack::new(format!("{LINE}x-long: {}", "a".repeat(size)))
}

/// A head of so many bytes, in short fields, that never ends.
#[must_use]
pub fn unfinished_fields(size: usize) -> Attack {
    let mut head = LINE.to_owned();
    while head.len() < size {
        head.push_str("x-short: a\r\n");
    }
    Attack::new(head)
}

/// A head of at most so many bytes, in fields of some hundred bytes, that never ends: of few fields, and each small
/// enough for any buffer, so that only its end is missing.
#[must_use]
pub fn unfinished_modest_head(size: usize) -> Attack {
    let field = format!("x-modest: {}\r\n", "a".repeat(350));
    let count = size.saturating_sub(LINE.len()) / field.len();
    Attack::new(LINE.to_owned() + &field.repeat(count))
}

/// A whole charge whose head arrives byte by byte.
#[must_use]
pub fn slow_head(pause: Duration) -> Attack {
    Attack::new("").dripping(charge(0), pause)
}

/// A head that grows by one short field after each pause, without end.
#[must_use]
pub fn endless_head(pause: Duration) -> Attack {
    Attack::new(LINE).repeating("x-short: a\r\n", pause)
}

/// Whole charges with so many short fields, one after each answer or pause.
#[must_use]
pub fn many_fields(count: usize, pause: Duration) -> Attack {
    let whole = charge(count);
    Attack::new(whole.clone()).repeating(whole, pause)
}

/// A head that announces so many bytes of body, of which all but the last arrive.
#[must_use]
pub fn unfinished_body(size: usize) -> Attack {
    let body = "a".repeat(size.saturating_sub(1));
    Attack::new(format!("{LINE}content-length: {size}\r\n\r\n{body}"))
}

/// A head that announces so many bytes of body, which arrive one by one.
#[must_use]
pub fn slow_body(size: usize, pause: Duration) -> Attack {
    Attack::new(format!("{LINE}content-length: {size}\r\n\r\n")).dripping(vec![b'a'; size], pause)
}

/// A chunked body in chunks of one byte, each with an extension, without end.
#[must_use]
pub fn tiny_chunks(pause: Duration) -> Attack {
    Attack::new(format!("{LINE}transfer-encoding: chunked\r\n\r\n"))
        .repeating("1;x=y\r\na\r\n".repeat(100), pause)
}

/// Charges without end, pipelined; their answers are never read.
#[must_use]
pub fn slow_reader(pause: Duration) -> Attack {
    Attack::new("")
        .repeating(charge(0).repeat(16), pause)
        .counted(0, 16)
        .unread()
}

/// A connection that says nothing.
#[must_use]
pub fn idle() -> Attack {
    Attack::new("").counted(0, 0)
}

/// A whole charge with so many short fields.
#[must_use]
pub fn charge(fields: usize) -> String {
    let mut whole = LINE.to_owned();
    for number in 0..fields {
        write!(whole, "x-{number}: a\r\n").unwrap();
    }
    write!(whole, "content-length: {}\r\n\r\n{CHARGE}", CHARGE.len()).unwrap();
    whole
}
