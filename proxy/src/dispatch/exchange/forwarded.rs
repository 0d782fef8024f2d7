//! The headers that go on to the substation: what the client said of its request, not of its connection.

use http::HeaderValue;

use crate::dispatch::{head::Head, hop_by_hop::nominates, request_id};

/// The end-to-end headers of a client's request, and its id.
pub(super) fn forwarded<'a>(
    head: Head<'a>,
    request_id: &'a HeaderValue,
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let nominates_any = head.all("connection").next().is_some();
    head.fields()
        .filter(move |(name, _)| goes_on(name) && !(nominates_any && is_nominated(head, name)))
        .chain([(request_id::HEADER.as_bytes(), request_id.as_bytes())])
}

/// Not hop-by-hop, not framing (both are made anew), and nothing that claims to be of a proxy before us.
fn goes_on(name: &[u8]) -> bool {
    const ENDS_HERE: [&str; 16] = [
        "connection",
        "content-length",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        request_id::HEADER,
    ];
    !ENDS_HERE
        .iter()
        .any(|hop| name.eq_ignore_ascii_case(hop.as_bytes()))
}

/// Whether a `Connection` header nominates `name` as hop-by-hop.
fn is_nominated(head: Head<'_>, name: &[u8]) -> bool {
    head.all("connection").any(|value| nominates(value, name))
}
