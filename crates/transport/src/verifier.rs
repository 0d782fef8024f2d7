//! Judges a server's certificate, and says in words what is wrong with it.
//!
//! The judgement is that of `webpki`. Its error says what is wrong, but not with which certificate; so the words are
//! found here, where the certificates are. They leave by a slot beside the error, since the error decides which alert
//! the server gets, and that should be the usual one.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use switchyard_credentials::date;

use crate::{
    presented::{Presented, now},
    refusal::{Reason, Refusal},
    sessions::Sessions,
};

/// How many names of a certificate a message shows.
const NAMES: usize = 5;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    /// Where the authorities come from, for messages.
    authorities: String,
    sessions: Arc<Sessions>,
    /// What was wrong with the certificate that was refused last.
    refused: Mutex<Option<Refusal>>,
}

impl Verifier {
    pub(crate) fn new(
        webpki: Arc<WebPkiServerVerifier>,
        authorities: String,
        sessions: Arc<Sessions>,
    ) -> Self {
        Self {
            webpki,
            authorities,
            sessions,
            refused: Mutex::default(),
        }
    }

    /// What was wrong with the certificate that was refused last. Two handshakes with one server may fail at once, and
    /// either may take what the other found: it is about the same server.
    pub(crate) fn refused(&self) -> Option<Refusal> {
        self.refused.lock().clone()
    }

    fn refusal(&self, error: &Error, chain: &Chain<'_>, name: &ServerName<'_>) -> Refusal {
        use CertificateError as Why;
        let Some(own) = chain.own() else {
            return Refusal::new(
                Reason::BadCertificate,
                "its certificate can't be read as X.509: issue it again",
            );
        };
        let Error::InvalidCertificate(why) = error else {
            return Refusal::new(Reason::BadCertificate, format_args!("its {own}: {error}"));
        };
        match why {
            Why::UnknownIssuer => self.unknown(&own, chain),
            // An authority of that name is known, and has another key.
            Why::BadSignature => {
                let (by, authorities) = (&own.issuer, &self.authorities);
                Refusal::new(
                    Reason::UnknownCa,
                    format_args!(
                        "its {own} is issued by {by}, and one of that name among {authorities} has another key: if the \
                         authority was made anew, add the new one there"
                    ),
                )
            }
            Why::Expired | Why::ExpiredContext { .. } => {
                let now = now();
                let one = chain.find(|one| one.ends < now).unwrap_or(own);
                let ends = date(one.ends);
                Refusal::new(
                    Reason::Expired,
                    format_args!("its {one} has expired at {ends}: renew it there"),
                )
            }
            Why::NotValidYet | Why::NotValidYetContext { .. } => {
                let now = now();
                let one = chain.find(|one| one.begins > now).unwrap_or(own);
                let (begins, now) = (date(one.begins), date(now));
                Refusal::new(
                    Reason::NotYetValid,
                    format_args!(
                        "its {one} is valid from {begins} on, and it is {now} here: correct the clock that is wrong"
                    ),
                )
            }
            Why::NotValidForNameContext { presented, .. } => wrong_name(&own, presented, name),
            Why::NotValidForName => wrong_name(&own, &[], name),
            Why::InvalidPurpose | Why::InvalidPurposeContext { .. } => Refusal::new(
                Reason::WrongPurpose,
                format_args!(
                    "its {own} is not one for servers: issue it with the extended key usage serverAuth"
                ),
            ),
            Why::Other(other) => match other.0.downcast_ref() {
                Some(webpki::Error::CaUsedAsEndEntity) => Refusal::new(
                    Reason::WrongPurpose,
                    format_args!(
                        "its {own} is one for an authority (CA:TRUE), which no server may show: issue another with it"
                    ),
                ),
                Some(webpki::Error::NameConstraintViolation) => Refusal::new(
                    Reason::NameConstraints,
                    format_args!(
                        "an authority above its {own}, issued by {}, may not issue for these names (name constraints)",
                        own.issuer
                    ),
                ),
                _ => bad(&own, &error),
            },
            _ => bad(&own, &error),
        }
    }

    fn unknown(&self, own: &Presented, chain: &Chain<'_>) -> Refusal {
        let top = chain.top().unwrap_or_else(|| own.clone());
        let authorities = &self.authorities;
        if own.is_self_issued {
            return Refusal::new(
                Reason::UnknownCa,
                format_args!(
                    "its {own} is issued by itself and is not among {authorities}: add it there if it is the right one"
                ),
            );
        }
        let by = &top.issuer;
        Refusal::new(
            Reason::UnknownCa,
            format_args!(
                "its {own} is issued by {by}, which is not among {authorities}: add that authority there, or let the \
                 server send all certificates between"
            ),
        )
    }
}

fn bad(own: &Presented, error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(
        Reason::BadCertificate,
        format_args!("its {own} can't be used: {error}"),
    )
}

fn wrong_name(own: &Presented, presented: &[String], name: &ServerName<'_>) -> Refusal {
    let name = name.to_str();
    if presented.is_empty() {
        return Refusal::new(
            Reason::WrongName,
            format_args!(
                "its {own} has no names (subjectAltName), so not {name} either: issue it again with that name"
            ),
        );
    }
    let mut names = presented
        .iter()
        .take(NAMES)
        .map(|one| readable(one))
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(more @ 1..) = presented.len().checked_sub(NAMES) {
        names = format!("{names} and {more} more");
    }
    Refusal::new(
        Reason::WrongName,
        format_args!(
            "its {own} is for {names} and not for {name}: issue it again with that name, or set server_name to one that \
             it has"
        ),
    )
}

/// A name as `webpki` reports it, without the kind that it puts around, as in `DnsName("a.example")`.
fn readable(name: &str) -> &str {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

/// The certificates that a server shows, its own first.
struct Chain<'a> {
    own: &'a CertificateDer<'a>,
    others: &'a [CertificateDer<'a>],
}

impl Chain<'_> {
    fn own(&self) -> Option<Presented> {
        Presented::of(self.own)
    }

    /// The last of those that can be read: the one nearest to an authority that a client knows.
    fn top(&self) -> Option<Presented> {
        self.all().last()
    }

    fn find(&self, is_it: impl Fn(&Presented) -> bool) -> Option<Presented> {
        self.all().find(is_it)
    }

    fn all(&self) -> impl Iterator<Item = Presented> {
        let all = std::iter::once(self.own).chain(self.others);
        all.filter_map(Presented::of)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.webpki.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let chain = Chain {
            own: end_entity,
            others: intermediates,
        };
        match &verified {
            Ok(_) => {
                let first = chain.all().map(|one| one.ends).min();
                self.sessions.verified(first.unwrap_or(i64::MIN));
            }
            Err(error) => {
                let refusal = self.refusal(error, &chain, server_name);
                *self.refused.lock() = Some(refusal);
            }
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}
