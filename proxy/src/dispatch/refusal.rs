//! Reads a substation's 503 or 429. Both say that nothing is booked; they differ in what they say about others.
//!
//! A 503 `no_capacity` is about room: another charge of that load would not fit either. A 429 is about the client that
//! asks too often, and says nothing about other clients. Any other 503 is about the substation: it can't serve now,
//! for whatever reason.

use std::{borrow::Cow, time::SystemTime};

use serde::Deserialize;
use switchyard_http1::Answer;
use switchyard_wire::{Code, retry_after};

use super::retry::SafeToRetry;

/// Why the substation did not book, and after how many seconds its client may come back, if it says so. `None` if the
/// answer is neither 503 nor 429.
pub(super) fn of(answer: &Answer) -> Option<(SafeToRetry, Option<u32>)> {
    let why = match answer.status {
        429 => SafeToRetry::Limited,
        503 if says_no_capacity(&answer.body) => SafeToRetry::Refused,
        503 => SafeToRetry::Unavailable,
        _ => return None,
    };
    let wait = answer
        .header("retry-after")
        .and_then(|value| retry_after(value, answer.header("date"), SystemTime::now()));
    Some((why, wait))
}

/// Whether a body is the contract's error `no_capacity`.
fn says_no_capacity(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        error: Inner<'a>,
    }
    #[derive(Deserialize)]
    struct Inner<'a> {
        #[serde(borrow)]
        code: Cow<'a, str>,
    }
    let body: Result<Body<'_>, _> = serde_json::from_slice(body);
    body.is_ok_and(|body| body.error.code == Code::NoCapacity.name())
}

#[cfg(test)]
mod tests {
    use switchyard_http1::{Decoded, Decoder, Limits};

    use super::*;

    fn answer(status: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let text =
            format!("HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\n\r\n{body}");
        let mut bytes = text.as_bytes().into();
        match Decoder::new(Limits::default()).decode(&mut bytes, false) {
            Ok(Decoded::Done(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_the_code_no_capacity_is_about_room() {
        let code = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"x"}},"n":1}}"#);
        for (status, body, why) in [
            ("503", code("no_capacity"), SafeToRetry::Refused),
            ("503", code("no\\u005fcapacity"), SafeToRetry::Refused),
            ("503", code("draining"), SafeToRetry::Unavailable),
            ("503", String::new(), SafeToRetry::Unavailable),
            ("503", "no_capacity".to_owned(), SafeToRetry::Unavailable),
            (
                "503",
                r#"{"error":"no_capacity"}"#.to_owned(),
                SafeToRetry::Unavailable,
            ),
            ("429", code("no_capacity"), SafeToRetry::Limited),
            ("429", String::new(), SafeToRetry::Limited),
        ] {
            assert_eq!(of(&answer(status, "", &body)), Some((why, None)), "{body}");
        }
        for status in ["200", "404", "500", "502", "504"] {
            assert_eq!(of(&answer(status, "", &code("no_capacity"))), None);
        }
    }

    #[test]
    fn retry_after_counts_in_seconds_and_as_a_date() {
        for (headers, wait) in [
            ("retry-after: 8\r\n", Some(8)),
            (
                "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:45 GMT\r\n",
                Some(8),
            ),
            ("retry-after: later\r\n", None),
        ] {
            let (_, seconds) = of(&answer("429", headers, "")).unwrap();
            assert_eq!(seconds, wait, "{headers}");
        }
    }
}
