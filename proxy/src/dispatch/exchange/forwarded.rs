//! The headers that go on to the substation: what the client said of its request, not of its connection.

use http::{HeaderName, HeaderValue, header};
use pingora_http::RequestHeader;

use crate::dispatch::{hop_by_hop::nominates, request_id};

/// The end-to-end headers of a client's request, and its id.
pub(super) fn forwarded<'a>(
    head: &'a RequestHeader,
    request_id: &'a HeaderValue,
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    head.headers
        .iter()
        .filter(move |(name, _)| goes_on(name) && !is_nominated(head, name))
        .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
        .chain([(request_id::HEADER.as_bytes(), request_id.as_bytes())])
}

/// Not hop-by-hop, not framing (both are made anew), and nothing that claims to be of a proxy before us.
fn goes_on(name: &HeaderName) -> bool {
    !matches!(
        name.as_str(),
        "connection"
            | "content-length"
            | "expect"
            | "forwarded"
            | "host"
            | "keep-alive"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-proto"
            | "x-request-id"
    )
}

/// Whether a `Connection` header nominates `name` as hop-by-hop.
fn is_nominated(head: &RequestHeader, name: &HeaderName) -> bool {
    let mut nominators = head.headers.get_all(header::CONNECTION).iter();
    nominators.any(|value| nominates(value.as_bytes(), name.as_str().as_bytes()))
}
