//! The headers that are forwarded to the substation: those that describe the request, not the connection.

use crate::{
    headers::Head,
    hop_by_hop::{is_counted_on, nominates},
};

/// What the proxy says of where a request came from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin<'a> {
    /// Whether the client's own forwarding headers are passed on.
    pub is_trusted: bool,
    /// Whether the client's `Authorization` was for this proxy, so that no substation gets it.
    pub keeps_authorization: bool,
    /// Names and values of the headers that say it. Each replaces any header of that name from the client; one without a
    /// name is none.
    pub fields: [(&'a str, &'a [u8]); 4],
    /// Further ones, which few requests have. One without a value only takes away the client's.
    pub more: &'a [(&'a str, &'a [u8])],
}

/// The end-to-end headers of a client's request, then `own`, the name and value of a header that the proxy writes itself,
/// and those of `origin`. Each replaces any header of that name from the client.
#[inline]
pub fn forwarded<'a>(
    head: Head<'a>,
    origin: Origin<'a>,
    own: (&'a str, &'a [u8]),
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let nominates_any = head.all("connection").next().is_some();
    let [first, second, third, fourth] = origin.fields;
    let own = [own, first, second, third, fourth].map(|(name, value)| (name.as_bytes(), value));
    head.fields()
        .filter(move |(name, _)| {
            let is_more = |more: &(&str, &[u8])| name.eq_ignore_ascii_case(more.0.as_bytes());
            let is_kept = origin.keeps_authorization && name.eq_ignore_ascii_case(b"authorization");
            if !is_end_to_end(name, origin.is_trusted) || is_kept {
                return false;
            }
            let is_replaced = own.iter().any(|(own, _)| name.eq_ignore_ascii_case(own))
                || origin.more.iter().any(is_more);
            !(is_replaced || nominates_any && is_nominated(head, name))
        })
        .chain(own.into_iter().filter(|(name, _)| !name.is_empty()))
        .chain(more(origin.more))
}

/// The headers that `more` adds.
fn more<'a>(more: &'a [(&'a str, &'a [u8])]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let fields = more.iter().filter(|(_, value)| !value.is_empty());
    fields.map(|(name, value)| (name.as_bytes(), *value))
}

/// Whether a header is forwarded. Hop-by-hop and framing headers are not, because the encoder writes its own, and
/// headers that claim to come from an earlier proxy are only if the client is trusted.
#[inline]
fn is_end_to_end(name: &[u8], is_trusted: bool) -> bool {
    const FROM_A_PROXY: [&str; 4] = [
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    ];
    const NOT_FORWARDED: [&str; 11] = [
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let is = |names: &[&str]| {
        names
            .iter()
            .any(|hop| name.eq_ignore_ascii_case(hop.as_bytes()))
    };
    !is(&NOT_FORWARDED) && (is_trusted || !is(&FROM_A_PROXY) && !is_for_cgi(name, &FROM_A_PROXY))
}

/// Whether a server behind CGI or WSGI takes `name` for one of `names`: both write `_` for `-`, so `X_Forwarded_For` of a
/// client would stand in for the header that the proxy writes.
#[inline]
fn is_for_cgi(name: &[u8], names: &[&str]) -> bool {
    let is_same =
        |(one, other): (&u8, u8)| one.eq_ignore_ascii_case(&other) || *one == b'_' && other == b'-';
    memchr::memchr(b'_', name).is_some()
        && names
            .iter()
            .any(|other| name.len() == other.len() && name.iter().zip(other.bytes()).all(is_same))
}

/// Whether a `Connection` header nominates `name` as hop-by-hop.
#[inline]
fn is_nominated(head: Head<'_>, name: &[u8]) -> bool {
    head.all("connection").any(|value| nominates(value, name)) && !is_counted_on(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_proxy_says_besides_replaces_the_clients_and_without_a_value_takes_it_away() {
        let mut headers = http::HeaderMap::new();
        for (name, value) in [("traceparent", "a"), ("Tracestate", "b"), ("x-one", "1")] {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, http::HeaderValue::from_static(value));
        }
        let told = |more: &[(&str, &[u8])]| {
            let origin = Origin {
                more,
                ..Origin::default()
            };
            let all = forwarded(Head::Parsed(&headers), origin, ("x-request-id", b"r"));
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            let all = all.map(|(name, value)| format!("{}: {}", text(name), text(value)));
            let mut all: Vec<_> = all.collect();
            all.sort();
            all
        };
        let (parent, state) = ("traceparent", "tracestate");
        assert_eq!(
            told(&[]),
            [
                "traceparent: a",
                "tracestate: b",
                "x-one: 1",
                "x-request-id: r"
            ]
        );
        assert_eq!(
            told(&[(parent, b"c"), ("", b"")]),
            [
                "traceparent: c",
                "tracestate: b",
                "x-one: 1",
                "x-request-id: r"
            ]
        );
        assert_eq!(
            told(&[(parent, b"c"), (state, b"")]),
            ["traceparent: c", "x-one: 1", "x-request-id: r"]
        );
    }

    #[test]
    fn what_a_server_behind_cgi_takes_for_the_word_of_a_proxy_is_that_of_trusted_clients_only() {
        let mut headers = http::HeaderMap::new();
        for name in [
            "x_forwarded_for",
            "x-forwarded_proto",
            "forwarded_",
            "x_one",
        ] {
            let value = http::HeaderValue::from_static("1");
            headers.append(http::HeaderName::from_static(name), value);
        }
        let told = |is_trusted| {
            let origin = Origin {
                is_trusted,
                ..Origin::default()
            };
            forwarded(Head::Parsed(&headers), origin, ("x-request-id", b"r")).count()
        };
        assert_eq!((told(true), told(false)), (5, 3));
    }

    #[test]
    fn what_was_for_the_proxy_is_not_passed_on() {
        let mut headers = http::HeaderMap::new();
        for (name, value) in [("authorization", "Bearer secret"), ("x-one", "1")] {
            headers.append(name, http::HeaderValue::from_static(value));
        }
        for keeps_authorization in [false, true] {
            let origin = Origin {
                keeps_authorization,
                ..Origin::default()
            };
            let told = forwarded(Head::Parsed(&headers), origin, ("x-request-id", b"r"));
            let names: Vec<_> = told.map(|(name, _)| name).collect();
            let is_told = names.contains(&&b"authorization"[..]);
            assert_eq!(is_told, !keeps_authorization);
            assert!(names.contains(&&b"x-one"[..]));
        }
    }

    #[test]
    fn what_the_proxy_counts_on_is_passed_on_whatever_the_connection_says() {
        let mut headers = http::HeaderMap::new();
        for (name, value) in [
            ("connection", "X-One, Idempotency-Key , x-request-timeout"),
            ("x-one", "1"),
            ("idempotency-key", "k"),
            ("x-request-timeout", "1s"),
        ] {
            headers.append(name, http::HeaderValue::from_static(value));
        }
        let told = forwarded(
            Head::Parsed(&headers),
            Origin::default(),
            ("x-request-id", b"r"),
        );
        let mut names: Vec<_> = told.map(|(name, _)| name).collect();
        names.sort_unstable();
        let expected = ["idempotency-key", "x-request-id", "x-request-timeout"];
        assert_eq!(names, expected.map(str::as_bytes));
    }
}
