//! Reads the two PEM files into a certificate chain with its key, and reports what is wrong with them.

use std::{
    fmt,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustls::{
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::CertifiedKey,
};
use tracing::warn;
use x509_parser::{certificate::X509Certificate, x509::X509Version};

use crate::{
    pem_lines::{separated, unread_kind},
    provider::provider,
    secret::secret,
};
use switchyard_bounded::file::read;
use switchyard_config::{self as config, Fault};

const CERTIFICATE: &str = "tls.certificate";
const KEY: &str = "tls.key";
/// The largest file of certificates or of a key, in bytes: some hundred certificates.
const LARGEST: usize = 1 << 20;

/// A certificate, the chain from it to a root, and its key; checked to belong together.
#[derive(Debug)]
pub(super) struct Chain {
    key: Arc<CertifiedKey>,
    expires_at: i64,
}

impl Chain {
    /// Reads and checks both files.
    pub(super) fn read(files: &config::Tls) -> Result<Self, Fault> {
        let chain = certificates(&files.certificate)?;
        let expires_at = check(&files.certificate, &chain)?;
        let key = private_key(&files.key)?;
        let key = joined(chain, key, &provider()).map_err(|rule| fault(KEY, &files.key, rule))?;
        Ok(Self {
            key: Arc::new(key),
            expires_at,
        })
    }

    pub(super) fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }

    pub(super) fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// Whether both have the same certificates. The key follows from its certificate.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.key.cert == other.key.cert
    }
}

fn fault(path: &str, file: &Path, rule: String) -> Fault {
    Fault {
        path: path.to_owned(),
        value: format!("{:?}", file.display().to_string()),
        rule,
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let text = read(file, LARGEST)
        .map_err(|error| fault(CERTIFICATE, file, format!("cannot be read: {error}")))?;
    let text = separated(&text);
    if let Some(kind) = unread_kind(&text) {
        let rule = format!(
            "holds a {kind}: write it as -----BEGIN CERTIFICATE-----, as `openssl x509` does"
        );
        return Err(fault(CERTIFICATE, file, rule));
    }
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| fault(CERTIFICATE, file, not_pem(&error)))?;
    if chain.is_empty() {
        let rule =
            "holds no certificate: must be PEM, with -----BEGIN CERTIFICATE----- before each";
        return Err(fault(CERTIFICATE, file, rule.to_owned()));
    }
    Ok(chain)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, Fault> {
    let text = secret(file, LARGEST).map_err(|rule| fault(KEY, file, rule))?;
    let text = separated(&text);
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let is_encrypted = text
            .windows(ENCRYPTED.len())
            .any(|window| window == ENCRYPTED);
        let rule = match error {
            _ if is_encrypted => {
                "holds a key that a password protects, and no operator is there to type it: store it without \
                 one, as by `openssl pkey`, readable for the proxy's user only"
                    .to_owned()
            }
            pem::Error::NoItemsFound => {
                "holds no private key: must be PEM, with -----BEGIN PRIVATE KEY----- before it".to_owned()
            }
            error => not_pem(&error),
        };
        fault(KEY, file, rule)
    })
}

/// A marker in the first lines of an encrypted key.
const ENCRYPTED: &[u8] = b"ENCRYPTED";

fn not_pem(error: &pem::Error) -> String {
    let what = match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no END line".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is malformed".to_owned(),
        error => error.to_string(),
    };
    format!("is not PEM: {what}")
}

fn joined(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    let key = provider.key_provider.load_private_key(key).map_err(|_| {
        "holds an unsupported key: must be RSA (2,048 bits or more), ECDSA (P-256, P-384) or Ed25519"
            .to_owned()
    })?;
    let joined = CertifiedKey::new(chain, key);
    joined.keys_match().map_err(|_| {
        format!("does not belong to the first certificate in {CERTIFICATE}: both must be of one pair, and the server's own certificate must come first")
    })?;
    Ok(joined)
}

/// Checks each certificate, and returns when the first one expires, in seconds since the Unix epoch. Dates are no fault: after a long outage an
/// old certificate serves better than none, and a clock may be wrong.
fn check(file: &Path, chain: &[CertificateDer<'static>]) -> Result<i64, Fault> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        });
    let mut first = None;
    for (at, der) in chain.iter().enumerate() {
        let certificate = parsed(der).ok_or_else(|| {
            let rule = format!("holds no valid X.509 certificate as number {}", at + 1);
            fault(CERTIFICATE, file, rule)
        })?;
        // The server's own: of the others, a root may be as old as that.
        if at == 0 && certificate.version() != X509Version::V3 {
            let rule = format!(
                "holds an X.509 version {} certificate, which TLS clients refuse: issue it again as version 3, with \
                 its host names as extension subjectAltName",
                certificate.version().0 + 1
            );
            return Err(fault(CERTIFICATE, file, rule));
        }
        let validity = certificate.validity();
        let (from, to) = (
            validity.not_before.timestamp(),
            validity.not_after.timestamp(),
        );
        let file = file.display();
        if to < now {
            warn!(%file, number = at + 1, expired = %date(to), "Certificate has expired: clients will refuse it");
        } else if from > now {
            warn!(%file, number = at + 1, begins = %date(from), "Certificate is not valid yet: clients will refuse it");
        }
        first = first.or(Some(to));
    }
    Ok(first.unwrap_or(0))
}

/// Seconds since the Unix epoch as a date of RFC 3339, from the years 1970 to 9999.
pub(super) fn date(unix_seconds: i64) -> impl fmt::Display {
    /// The last second of the year 9999, after which there is no such date.
    const LAST: u64 = 253_402_300_799;
    let seconds = u64::try_from(unix_seconds).unwrap_or(0).min(LAST);
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds))
}

fn parsed<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    let (rest, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    rest.is_empty().then_some(certificate)
}
