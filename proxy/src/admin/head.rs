//! The head of an answer of the admin port, as bytes.

use bytes::BufMut;
use http::{HeaderMap, StatusCode};
use pingora_core::protocols::http::date::get_cached_date;

/// Writes the status line and these headers, without the empty line at the end.
pub(super) fn put_head(wire: &mut Vec<u8>, status: StatusCode, headers: &HeaderMap, closes: bool) {
    let reason = status.canonical_reason().unwrap_or_default();
    for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
        wire.put_slice(part.as_bytes());
    }
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            wire.put_slice(part);
        }
    }
    let connection = if closes { "close" } else { "keep-alive" };
    for part in ["connection: ", connection, "\r\ndate: "] {
        wire.put_slice(part.as_bytes());
    }
    wire.put_slice(get_cached_date().as_bytes());
    wire.put_slice(b"\r\n");
}
