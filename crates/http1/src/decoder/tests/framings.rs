//! Every framing that is accepted, and whether its connection may be used again.

use super::{Limits, answer, feed};
use crate::decoder::{Decoded, Decoder, Malformed};
use bytes::BytesMut;

/// Bytes, status, body, reusable.
const FRAMINGS: &[(&str, u16, &str, bool)] = &[
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        200,
        "hello",
        true,
    ),
    ("HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", 200, "", true),
    (
        "HTTP/1.1 503 Busy\r\ncontent-length: \t 002 \r\n\r\nno",
        503,
        "no",
        true,
    ),
    (
        "HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok",
        200,
        "ok",
        true,
    ),
    ("HTTP/1.1 999 \r\ncontent-length: 0\r\n\r\n", 999, "", true),
    // Chunked.
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        200,
        "hello",
        true,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
        200,
        "",
        true,
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0A;x=\"y;\"\r\nbcdefghijk\r\n2 ;e\r\n\r\n\r\n000\r\n\r\n",
        200,
        "abcdefghijk\r\n",
        true,
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0;last\r\nx-sum: 1\r\ny: \r\n\r\n",
        200,
        "abc",
        true,
    ),
    // No body.
    ("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true),
    (
        "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n",
        204,
        "",
        true,
    ),
    (
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n",
        304,
        "",
        false,
    ),
    (
        "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n",
        204,
        "",
        false,
    ),
    // Interim answers.
    (
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
        200,
        "x",
        true,
    ),
    (
        "HTTP/1.1 103 Early Hints\r\nlink: </>\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 204 N\r\n\r\n",
        204,
        "",
        true,
    ),
    // Persistence.
    (
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx",
        200,
        "x",
        false,
    ),
    (
        "HTTP/1.1 200 OK\r\nConnection: x , CLOSE\r\ncontent-length: 1\r\n\r\nx",
        200,
        "x",
        false,
    ),
    (
        "HTTP/1.1 200 OK\r\nconnection: close\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\nx",
        200,
        "x",
        false,
    ),
    (
        "HTTP/1.1 200 OK\r\nconnection: closed\r\ncontent-length: 1\r\n\r\nx",
        200,
        "x",
        true,
    ),
    (
        "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx",
        200,
        "x",
        false,
    ),
    (
        "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\ncontent-length: 1\r\n\r\nx",
        200,
        "x",
        true,
    ),
    (
        "HTTP/1.0 200 OK\r\nconnection: keep-alive, close\r\ncontent-length: 1\r\n\r\nx",
        200,
        "x",
        false,
    ),
];

#[test]
fn reads_each_framing() {
    for &(text, status, body, reusable) in FRAMINGS {
        let read = answer(text);
        assert_eq!(
            (read.status, &read.body[..], read.reusable),
            (status, body.as_bytes(), reusable),
            "{text:?}"
        );
        let closed = Decoder::new(Limits::default()).decode(&mut BytesMut::from(text), true);
        assert!(
            matches!(closed, Ok(Decoded::Done(answer)) if !answer.reusable),
            "closed: {text:?}"
        );
        // With one byte more, the connection cannot be trusted.
        assert!(!answer(&format!("{text}H")).reusable, "{text:?}");
        assert_eq!(answer(&format!("{text}H")).keep_alive, reusable, "{text:?}");
        // With any byte less, the answer is not complete.
        for end in 0..text.len() {
            let cut = &text.as_bytes()[..end];
            assert_eq!(
                feed(Limits::default(), [cut], false),
                Ok(None),
                "{end} of {text:?}"
            );
            let expected = if end == 0 {
                Malformed::NoAnswer
            } else {
                Malformed::Truncated
            };
            assert_eq!(
                feed(Limits::default(), [cut], true),
                Err(expected),
                "{end} of {text:?}"
            );
        }
    }
}
