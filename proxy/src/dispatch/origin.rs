//! Where a request came from, as the substation is told: `Via`, and `X-Forwarded-For` and `-Proto` or `Forwarded`.
//!
//! Forwarding headers of a client are believed only if the client's address is in `forwarded.trust`: anybody can write
//! them. A trusted client is a proxy in front; its words are passed on, with this proxy's own behind them.

use std::{borrow::Cow, net::IpAddr};

use switchyard_clients::{Account, CertificateNames};
use switchyard_config::{ClientLimits, Forwarded, ForwardedHeaders};
use switchyard_grid::Source;
use switchyard_http1::{Head, Origin};
use switchyard_idempotency::KeyHash;
use switchyard_wire::names::IDEMPOTENCY_KEY;

use super::isolation::Record;
use crate::client_shares::{ClientShare, RequestShare};

/// The `Via` of a request over HTTP/1.1 (RFC 9110 §7.6.3).
pub const VIA_HTTP1: &str = "1.1 switchyard";
/// The `Via` of a request over HTTP/1.0.
pub const VIA_HTTP1_0: &str = "1.0 switchyard";
/// The `Via` of a request over HTTP/2.
pub const VIA_HTTP2: &str = "2 switchyard";

/// The client's side of a connection.
#[derive(Debug)]
pub struct Client {
    address: IpAddr,
    /// The address as text, made once a connection.
    text: Box<str>,
    source: Source,
    is_tls: bool,
    /// The names in the certificate that it has shown, if it has.
    certificate: Option<CertificateNames>,
    /// How its requests have gone so far.
    pub(super) record: Record,
    /// What it uses of the proxy.
    share: ClientShare,
}

impl Client {
    /// The client at this address, with the share that its connection has.
    #[must_use]
    pub fn new(address: IpAddr, is_tls: bool, share: ClientShare) -> Self {
        Self {
            address,
            text: address.to_string().into(),
            source: Source::of(address),
            is_tls,
            certificate: None,
            record: Record::default(),
            share,
        }
    }

    /// Notes the names in the certificate that it has shown in its handshake.
    pub fn shows(&mut self, certificate: Option<CertificateNames>) {
        self.certificate = certificate;
    }

    /// The names in its certificate.
    pub(super) fn certificate(&self) -> Option<&CertificateNames> {
        self.certificate.as_ref()
    }

    /// Counts the connection as one over HTTP/2. False if this client has its share of the `most` there may be.
    pub fn speaks_http2(&mut self, rules: &Forwarded, most: usize) -> bool {
        let is_within = self.share.speaks_http2(ClientLimits::share(most));
        is_within || is_trusted(rules, self.address)
    }

    /// Counts a request of this client.
    #[must_use]
    pub fn request(&self) -> RequestShare<'_> {
        self.share.request()
    }

    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    /// The client at the other end of the connection, whoever may be behind it.
    pub(super) fn own_source(&self) -> Source {
        self.source
    }

    /// The client that is behind the proxies in front, as far as they are trusted.
    pub(super) fn source(&self, rules: &Forwarded, head: Head<'_>) -> Source {
        self.before(rules, head).map_or(self.source, Source::of)
    }

    /// The address of the client that is behind the proxies in front, as far as they are trusted.
    pub(super) fn remote(&self, rules: &Forwarded, head: Option<Head<'_>>) -> IpAddr {
        let before = head.and_then(|head| self.before(rules, head));
        before.unwrap_or(self.address)
    }

    /// Whether its connection is encrypted.
    pub(super) fn is_tls(&self) -> bool {
        self.is_tls
    }

    fn before(&self, rules: &Forwarded, head: Head<'_>) -> Option<IpAddr> {
        is_trusted(rules, self.address)
            .then(|| client_before(rules, head))
            .flatten()
    }

    /// The headers that tell the substation of a request's origin.
    pub(super) fn fields<'a>(
        &'a self,
        rules: &Forwarded,
        via: &'static str,
        head: Head<'a>,
    ) -> OriginFields<'a> {
        let is_trusted = is_trusted(rules, self.address);
        let scheme = if self.is_tls { "https" } else { "http" };
        let behind = |name: &'static str, own: Cow<'a, str>| {
            (
                name,
                if is_trusted {
                    joined(head, name, own)
                } else {
                    own
                },
            )
        };
        let [first, second] = match rules.send {
            ForwardedHeaders::None => [NOTHING; 2],
            ForwardedHeaders::Forwarded => {
                let node = match self.address {
                    IpAddr::V4(address) => address.to_string(),
                    IpAddr::V6(address) => format!("\"[{address}]\""),
                };
                [
                    behind("forwarded", format!("for={node};proto={scheme}").into()),
                    NOTHING,
                ]
            }
            ForwardedHeaders::XForwarded => {
                const PROTO: &str = "x-forwarded-proto";
                // The scheme that the proxy in front was asked with is the client's.
                let is_known = is_trusted && head.all(PROTO).next().is_some();
                let proto = if is_known {
                    NOTHING
                } else {
                    (PROTO, scheme.into())
                };
                [behind("x-forwarded-for", Cow::Borrowed(&*self.text)), proto]
            }
        };
        let source = self.source(rules, head);
        OriginFields {
            is_trusted,
            source,
            keeps_authorization: false,
            fields: [
                ("via", joined(head, "via", via.into())),
                first,
                second,
                NOTHING,
            ],
        }
    }
}

/// Whether this address is a proxy in front, which speaks for many clients.
#[must_use]
pub fn is_trusted(rules: &Forwarded, address: IpAddr) -> bool {
    let mut trusted = rules.trust.iter();
    trusted.any(|network| network.contains(address))
}

const NOTHING: (&str, Cow<'static, str>) = ("", Cow::Borrowed(""));

/// The headers of one request.
#[derive(Debug)]
pub(super) struct OriginFields<'a> {
    is_trusted: bool,
    source: Source,
    keeps_authorization: bool,
    fields: [(&'static str, Cow<'a, str>); 4],
}

impl OriginFields<'_> {
    /// The client that is behind the proxies in front, as far as they are trusted.
    pub(super) fn source(&self) -> Source {
        self.source
    }

    /// The request is of a configured client, whatever its address. Its token was for this proxy. `key` is what the
    /// substation gets in place of its key: the same key of another client is another key.
    pub(super) fn of_caller(&mut self, account: &Account, key: Option<KeyHash>) {
        self.source = Source::numbered(account.number());
        self.keeps_authorization = true;
        if let (Some(key), [.., last]) = (key, &mut self.fields) {
            *last = (IDEMPOTENCY_KEY, key.to_string().into());
        }
    }

    pub(super) fn origin(&self) -> Origin<'_> {
        let [via, first, second, key] = &self.fields;
        Origin {
            is_trusted: self.is_trusted,
            keeps_authorization: self.keeps_authorization,
            fields: [via, first, second, key].map(|(name, value)| (*name, value.as_bytes())),
            more: &[],
        }
    }
}

/// The client that trusted proxies in front name: in `X-Forwarded-For` the last address that is not one of theirs.
fn client_before(rules: &Forwarded, head: Head<'_>) -> Option<IpAddr> {
    let values = head.all("x-forwarded-for");
    let nodes = values.flat_map(|value| value.split(|byte| *byte == b','));
    let addresses = nodes.filter_map(|node| {
        let text = str::from_utf8(node.trim_ascii()).ok()?;
        text.parse::<IpAddr>().ok()
    });
    let is_trusted = |address: IpAddr| rules.trust.iter().any(|net| net.contains(address));
    addresses.filter(|address| !is_trusted(*address)).last()
}

/// The client's values of a header that is a list, and `own` behind them.
fn joined<'a>(head: Head<'_>, name: &str, own: Cow<'a, str>) -> Cow<'a, str> {
    let mut values = head
        .all(name)
        .map(String::from_utf8_lossy)
        .filter(|value| !value.is_empty());
    let Some(first) = values.next() else {
        return own;
    };
    let mut all = first.into_owned();
    for value in values.chain([own]) {
        all.push_str(", ");
        all.push_str(&value);
    }
    all.into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{HeaderMap, HeaderName, HeaderValue};
    use prometheus::IntCounter;

    use super::*;
    use crate::client_shares::ClientShares;

    fn client(address: &str, is_tls: bool) -> Client {
        let address = address.parse().unwrap();
        let limited = IntCounter::new("limited", "Refused.").unwrap();
        let shares = Arc::new(ClientShares::new(limited.clone(), limited));
        Client::new(address, is_tls, shares.connection(address, 1).unwrap())
    }

    /// The headers that a substation gets, for a client at `address` that sends these.
    fn told(
        address: &str,
        rules: &Forwarded,
        is_tls: bool,
        sent: &[(&'static str, &'static str)],
    ) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let client = client(address, is_tls);
        let head = Head::Parsed(&headers);
        let fields = client.fields(rules, VIA_HTTP1, head);
        let all = switchyard_http1::forwarded(head, fields.origin(), ("x-request-id", b"r"));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        all.map(|(name, value)| format!("{}: {}", text(name), text(value)))
            .collect()
    }

    fn rules(trust: &str, send: ForwardedHeaders) -> Forwarded {
        let trust = if trust.is_empty() {
            Vec::new()
        } else {
            vec![trust.parse().unwrap()]
        };
        Forwarded { trust, send }
    }

    const SENT: [(&str, &str); 5] = [
        ("via", "1.0 front"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop"),
        ("forwarded", "for=1.2.3.4"),
    ];

    #[test]
    fn a_stranger_is_named_and_not_believed() {
        use ForwardedHeaders::{Forwarded, None, XForwarded};
        let via = "via: 1.0 front, 1.1 switchyard";
        for (address, send, is_tls, expected) in [
            (
                "10.0.0.1",
                XForwarded,
                false,
                vec![via, "x-forwarded-for: 10.0.0.1", "x-forwarded-proto: http"],
            ),
            (
                "::1",
                XForwarded,
                true,
                vec![via, "x-forwarded-for: ::1", "x-forwarded-proto: https"],
            ),
            (
                "10.0.0.1",
                Forwarded,
                false,
                vec![via, "forwarded: for=10.0.0.1;proto=http"],
            ),
            (
                "::1",
                Forwarded,
                true,
                vec![via, "forwarded: for=\"[::1]\";proto=https"],
            ),
            ("10.0.0.1", None, false, vec![via]),
        ] {
            for trust in ["", "192.168.0.0/16"] {
                let told = told(address, &rules(trust, send), is_tls, &SENT);
                assert_eq!(
                    told,
                    [&["x-request-id: r"][..], &expected].concat(),
                    "{send:?}"
                );
            }
        }
    }

    #[test]
    fn a_trusted_proxy_in_front_is_believed_and_comes_last() {
        use ForwardedHeaders::{Forwarded, None, XForwarded};
        for (send, expected) in [
            (
                XForwarded,
                &[
                    "x-forwarded-for: 1.2.3.4, 10.0.0.1",
                    "x-forwarded-proto: https",
                    "forwarded: for=1.2.3.4",
                ][..],
            ),
            (
                Forwarded,
                &[
                    "forwarded: for=1.2.3.4, for=10.0.0.1;proto=http",
                    "x-forwarded-for: 1.2.3.4",
                ],
            ),
            (
                None,
                &["x-forwarded-for: 1.2.3.4", "forwarded: for=1.2.3.4"],
            ),
        ] {
            let told = told("10.0.0.1", &rules("10.0.0.0/8", send), false, &SENT);
            for line in expected
                .iter()
                .chain(&["x-forwarded-host: shop", "via: 1.0 front, 1.1 switchyard"])
            {
                assert_eq!(
                    told.iter().filter(|told| told == line).count(),
                    1,
                    "{send:?} {line}: {told:?}"
                );
            }
        }
        let told = told("10.0.0.1", &rules("10.0.0.0/8", XForwarded), false, &[]);
        let expected = [
            "x-request-id: r",
            "via: 1.1 switchyard",
            "x-forwarded-for: 10.0.0.1",
            "x-forwarded-proto: http",
        ];
        assert_eq!(told, expected);
    }
    #[test]
    fn the_client_behind_trusted_proxies_is_the_last_that_is_none_of_them() {
        let source = |address: &str, sent: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in sent {
                headers.append("x-forwarded-for", HeaderValue::from_static(value));
            }
            let client = client(address, false);
            let rules = rules("10.0.0.0/8", ForwardedHeaders::XForwarded);
            let fields = client.fields(&rules, VIA_HTTP1, Head::Parsed(&headers));
            fields.source().to_string()
        };
        for (sent, expected) in [
            (&[][..], "10.0.0.1"),
            (&["1.2.3.4"], "1.2.3.4"),
            (&["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
            (&["6.6.6.6", "1.2.3.4 , 10.0.0.2"], "1.2.3.4"),
            (&["nobody"], "10.0.0.1"),
            (&["10.0.0.3"], "10.0.0.1"),
        ] {
            assert_eq!(source("10.0.0.1", sent), expected, "{sent:?}");
            assert_eq!(source("9.9.9.9", sent), "9.9.9.9", "{sent:?}");
        }
    }
}
