//! Reads the PEM files of a certificate chain and its key, and reports what is wrong with them.

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
use switchyard_bounded::file::read;
use thiserror::Error;
use tracing::warn;
use x509_parser::{certificate::X509Certificate, x509::X509Version};

use crate::{
    pem_lines::{first_lines, separated, unread_kind},
    provider::provider,
    secret::secret,
};

/// The largest file of certificates or of a key, in bytes: some hundred certificates.
const LARGEST: usize = 1 << 20;

/// A certificate, the chain from it to a root, and its key; checked to belong together.
#[derive(Clone, Debug)]
pub struct Chain {
    key: Arc<CertifiedKey>,
    expires_at: i64,
}

/// Which of the two files does not fit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Which {
    /// The file of certificates.
    Certificate,
    /// The file of the private key.
    Key,
}

/// Why two files are no certificate with its key.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{rule}")]
pub struct Refused {
    /// The file that does not fit.
    pub which: Which,
    /// The rule that it breaks, as what follows the file's name.
    pub rule: String,
}

impl Refused {
    const fn certificate(rule: String) -> Self {
        let which = Which::Certificate;
        Self { which, rule }
    }

    const fn key(rule: String) -> Self {
        let which = Which::Key;
        Self { which, rule }
    }
}

impl Chain {
    /// Reads and checks both files.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, Refused> {
        let chain = certificates(certificate).map_err(Refused::certificate)?;
        let expires_at = check(certificate, &chain).map_err(Refused::certificate)?;
        let key = private_key(key).map_err(Refused::key)?;
        let key = joined(certificate, chain, key, &provider()).map_err(Refused::key)?;
        Ok(Self {
            key: Arc::new(key),
            expires_at,
        })
    }

    /// The certificates and the key, as a handshake takes them.
    #[must_use]
    pub const fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }

    /// When the first certificate expires, in seconds since the Unix epoch.
    #[must_use]
    pub const fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// Whether both have the same certificates. The key follows from its certificate.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.key.cert == other.key.cert
    }
}

/// The certificates of a file, which has one or more valid ones.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(file, LARGEST).map_err(|error| format!("cannot be read: {error}"))?;
    let lines = first_lines(&text);
    let text = separated(&text);
    if let Some(kind) = unread_kind(&text) {
        return Err(format!(
            "holds a {kind}: write it as -----BEGIN CERTIFICATE-----, as `openssl x509` does"
        ));
    }
    let mut chain = Vec::new();
    for found in CertificateDer::pem_slice_iter(&text) {
        let line = lines.get(chain.len());
        let line = line.map_or_else(String::new, |line| format!(" in line {line}"));
        let der = found.map_err(|error| {
            let rule = not_pem(&error);
            format!("{rule} (certificate number {}{line})", chain.len() + 1)
        })?;
        if parsed(&der).is_none() {
            let number = chain.len() + 1;
            return Err(format!(
                "holds no valid X.509 certificate as number {number}{line}"
            ));
        }
        chain.push(der);
    }
    if chain.is_empty() {
        let rule =
            "holds no certificate: must be PEM, with -----BEGIN CERTIFICATE----- before each";
        let is_key = text.windows(KEY.len()).any(|part| part == KEY);
        let instead = if is_key {
            "; it holds a private key"
        } else {
            ""
        };
        return Err(format!("{rule}{instead}"));
    }
    Ok(chain)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let text = secret(file, LARGEST)?;
    let text = separated(&text);
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let is_encrypted = text
            .windows(ENCRYPTED.len())
            .any(|window| window == ENCRYPTED);
        match error {
            _ if is_encrypted => {
                "holds a key that a password protects, and no operator is there to type it: store it without \
                 one, as by `openssl pkey`, readable for the proxy's user only"
                    .to_owned()
            }
            pem::Error::NoItemsFound => {
                "holds no private key: must be PEM, with -----BEGIN PRIVATE KEY----- before it".to_owned()
            }
            error => not_pem(&error),
        }
    })
}

/// What the mark of each kind of private key ends with.
const KEY: &[u8] = b"PRIVATE KEY-----";
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
    certificate: &Path,
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
        let file = certificate.display();
        format!("does not belong to the first certificate in {file}: both must be of one pair, and that certificate must come first")
    })?;
    Ok(joined)
}

/// Checks each certificate, and returns when the first one expires, in seconds since the Unix epoch. Dates are no fault:
/// after a long outage an old certificate serves better than none, and a clock may be wrong.
fn check(file: &Path, chain: &[CertificateDer<'static>]) -> Result<i64, String> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        });
    let mut first = None;
    for (at, der) in chain.iter().enumerate() {
        let Some(certificate) = parsed(der) else {
            continue;
        };
        // The owner's own: of the others, a root may be as old as that.
        if at == 0 && certificate.version() != X509Version::V3 {
            return Err(format!(
                "holds an X.509 version {} certificate, which TLS clients refuse: issue it again as version 3, with \
                 its host names as extension subjectAltName",
                certificate.version().0 + 1
            ));
        }
        let validity = certificate.validity();
        let (from, to) = (
            validity.not_before.timestamp(),
            validity.not_after.timestamp(),
        );
        let file = file.display();
        if to < now {
            warn!(%file, number = at + 1, expired = %date(to), "Certificate has expired: the other side will refuse it");
        } else if from > now {
            warn!(%file, number = at + 1, begins = %date(from), "Certificate is not valid yet: the other side will refuse it");
        }
        first = first.or(Some(to));
    }
    Ok(first.unwrap_or(0))
}

/// Seconds since the Unix epoch as a date of RFC 3339, from the years 1970 to 9999.
#[must_use]
pub fn date(unix_seconds: i64) -> impl fmt::Display {
    /// The last second of the year 9999, after which there is no such date.
    const LAST: u64 = 253_402_300_799;
    let seconds = u64::try_from(unix_seconds).unwrap_or(0).min(LAST);
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds))
}

pub(crate) fn parsed<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    let (rest, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    rest.is_empty().then_some(certificate)
}
