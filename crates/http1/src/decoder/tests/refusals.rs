//! Every kind of answer that is refused, with the reason.

use super::{Limits, decode};
use crate::decoder::Malformed as M;

const OK: &str = "HTTP/1.1 200 OK\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// The bytes in two parts, and why they are refused whether or not the connection ends after them.
const REFUSALS: &[(&str, &str, M)] = &[
    // The status line.
    ("", "\r\nHTTP/1.1 200 OK\r\n\r\n", M::NotHttp1),
    ("", "\x15\x03\x01", M::NotHttp1),
    ("", "HTTP/2.0 200 OK\r\n\r\n", M::NotHttp1),
    ("", "HTTP/1.2 200 OK\r\n\r\n", M::NotHttp1),
    ("", "http/1.1 200 OK\r\n\r\n", M::NotHttp1),
    ("", "HTTP/1.1 20 OK\r\n\r\n", M::StatusLine),
    ("", "HTTP/1.1 2000 OK\r\n\r\n", M::StatusLine),
    ("", "HTTP/1.1 099 OK\r\n\r\n", M::StatusLine),
    ("", "HTTP/1.1  200 OK\r\n\r\n", M::StatusLine),
    ("", "HTTP/1.1 200 O\rK\r\n\r\n", M::StatusLine),
    (
        "",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        M::SwitchedProtocols,
    ),
    (
        "",
        "HTTP/1.1 100 Continue\r\ncontent-length: 5\r\n\r\nHTTP/",
        M::InterimWithBody,
    ),
    (
        "",
        "HTTP/1.1 103 E\r\ntransfer-encoding: chunked\r\n\r\n",
        M::InterimWithBody,
    ),
    // Lines.
    ("", "HTTP/1.1 200 OK\n\n", M::BareLineFeed),
    (OK, "a: b\n\r\n", M::BareLineFeed),
    (OK, "a: b\r\n\n", M::BareLineFeed),
    (OK, "a: b\r\n c\r\n\r\n", M::FoldedHeader),
    (OK, " a: b\r\n\r\n", M::FoldedHeader),
    (OK, "a: b\rc: d\r\n\r\n", M::HeaderValue),
    (OK, "a: b\0\r\n\r\n", M::HeaderValue),
    (OK, "a : b\r\n\r\n", M::HeaderName),
    (OK, "a\r\n\r\n", M::HeaderName),
    (OK, ": b\r\n\r\n", M::HeaderName),
    // Framing.
    (
        OK,
        "content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        M::TwoFramings,
    ),
    (
        OK,
        "transfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n",
        M::TwoFramings,
    ),
    (
        OK,
        "content-length: 1\r\ncontent-length: 2\r\n\r\n",
        M::RepeatedContentLength,
    ),
    (
        OK,
        "content-length: 1\r\nContent-Length: 1\r\n\r\n",
        M::RepeatedContentLength,
    ),
    (OK, "content-length: 1, 1\r\n\r\n", M::ContentLength),
    (OK, "content-length: +1\r\n\r\n", M::ContentLength),
    (OK, "content-length: -1\r\n\r\n", M::ContentLength),
    (OK, "content-length: 1 1\r\n\r\n", M::ContentLength),
    (OK, "content-length: 0x1\r\n\r\n", M::ContentLength),
    (OK, "content-length: 1.0\r\n\r\n", M::ContentLength),
    (OK, "content-length:\r\n\r\n", M::ContentLength),
    (OK, "content-length: \u{0661}\r\n\r\n", M::ContentLength),
    (
        OK,
        "content-length: 18446744073709551616\r\n\r\n",
        M::ContentLength,
    ),
    (
        OK,
        "content-length: 18446744073709551615\r\n\r\n",
        M::BodyTooLarge,
    ),
    (
        OK,
        "transfer-encoding: gzip, chunked\r\n\r\n",
        M::TransferEncoding,
    ),
    (
        OK,
        "transfer-encoding: chunked, gzip\r\n\r\n",
        M::TransferEncoding,
    ),
    (
        OK,
        "transfer-encoding: identity\r\n\r\n",
        M::TransferEncoding,
    ),
    (
        OK,
        "transfer-encoding: xchunked\r\n\r\n",
        M::TransferEncoding,
    ),
    (
        OK,
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
        M::TransferEncoding,
    ),
    (
        "HTTP/1.0 200 OK\r\n",
        "transfer-encoding: chunked\r\n\r\n",
        M::TransferEncodingInHttp10,
    ),
    (
        "HTTP/1.1 204 N\r\n",
        "content-length: x\r\n\r\n",
        M::ContentLength,
    ),
    // Chunks.
    (CHUNKED, "\r\n", M::ChunkSize),
    (CHUNKED, "x\r\n", M::ChunkSize),
    (CHUNKED, "-1\r\n", M::ChunkSize),
    (CHUNKED, "0x1\r\n", M::ChunkSize),
    (CHUNKED, " 1\r\n", M::ChunkSize),
    (CHUNKED, "1 \r\n", M::ChunkSize),
    (CHUNKED, "1 2\r\n", M::ChunkSize),
    (CHUNKED, ";x\r\n", M::ChunkSize),
    (CHUNKED, "00000000000000001\r\n", M::ChunkSize),
    (CHUNKED, "ffffffffffffffff\r\n", M::BodyTooLarge),
    (CHUNKED, "10000000000000000\r\n", M::ChunkSize),
    (CHUNKED, "1\nx\r\n", M::BareLineFeed),
    (CHUNKED, "1;a\nb\r\n", M::BareLineFeed),
    (CHUNKED, "1;a\rb\r\n", M::ChunkExtension),
    (CHUNKED, "1;\0\r\n", M::ChunkExtension),
    (CHUNKED, "1\r\nxy\r\n", M::ChunkEnd),
    (CHUNKED, "1\r\nx\n", M::ChunkEnd),
    (CHUNKED, "1\r\nx\ry", M::ChunkEnd),
    (CHUNKED, "0\r\nx\r\n\r\n", M::HeaderName),
    (CHUNKED, "0\r\nx: y\n\r\n", M::BareLineFeed),
    (CHUNKED, "0\r\nx: y\r\n z\r\n\r\n", M::FoldedHeader),
    (CHUNKED, "0\r\nx: \0\r\n\r\n", M::HeaderValue),
];

#[test]
fn refuses_ambiguous_answers() {
    for &(head, rest, reason) in REFUSALS {
        let text = format!("{head}{rest}");
        for eof in [false, true] {
            assert_eq!(
                decode(Limits::default(), text.as_bytes(), eof),
                Err(reason),
                "{text:?}"
            );
        }
    }
}
