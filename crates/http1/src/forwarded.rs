//! The headers that go on to the substation: what the client said of its request, not of its connection.

use crate::{headers::Head, hop_by_hop::nominates};

/// The end-to-end headers of a client's request, then `own`: the name and value of the header that the proxy writes
/// itself, in place of any that the client sent.
pub fn forwarded<'a>(
    head: Head<'a>,
    own: (&'a str, &'a [u8]),
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let nominates_any = head.all("connection").next().is_some();
    let own = (own.0.as_bytes(), own.1);
    head.fields()
        .filter(move |(name, _)| {
            goes_on(name)
                && !name.eq_ignore_ascii_case(own.0)
                && !(nominates_any && is_nominated(head, name))
        })
        .chain([own])
}

/// Not hop-by-hop, not framing (both are made anew), and nothing that claims to be of a proxy before us.
fn goes_on(name: &[u8]) -> bool {
    const ENDS_HERE: [&str; 15] = [
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
    !ENDS_HERE
        .iter()
        .any(|hop| name.eq_ignore_ascii_case(hop.as_bytes()))
}

/// Whether a `Connection` header nominates `name` as hop-by-hop.
fn is_nominated(head: Head<'_>, name: &[u8]) -> bool {
    head.all("connection").any(|value| nominates(value, name))
}
