//! The headers that are forwarded to the substation: those that describe the request, not the connection.

use crate::{headers::Head, hop_by_hop::nominates};

/// The end-to-end headers of a client's request, then `own`: the name and value of a header that the proxy writes
/// itself. It replaces any header of that name from the client.
#[inline]
pub fn forwarded<'a>(
    head: Head<'a>,
    own: (&'a str, &'a [u8]),
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let nominates_any = head.all("connection").next().is_some();
    let own = (own.0.as_bytes(), own.1);
    head.fields()
        .filter(move |(name, _)| {
            is_end_to_end(name)
                && !name.eq_ignore_ascii_case(own.0)
                && !(nominates_any && is_nominated(head, name))
        })
        .chain([own])
}

/// Whether a header is forwarded. Hop-by-hop and framing headers are not, because the encoder writes its own, and
/// headers that claim to come from an earlier proxy are not either.
#[inline]
fn is_end_to_end(name: &[u8]) -> bool {
    const NOT_FORWARDED: [&str; 15] = [
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
    ];
    !NOT_FORWARDED
        .iter()
        .any(|hop| name.eq_ignore_ascii_case(hop.as_bytes()))
}

/// Whether a `Connection` header nominates `name` as hop-by-hop.
#[inline]
fn is_nominated(head: Head<'_>, name: &[u8]) -> bool {
    head.all("connection").any(|value| nominates(value, name))
}
