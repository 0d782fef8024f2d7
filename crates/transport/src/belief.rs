//! What TLS connections to servers believe and show, as read from files.

use std::{path::PathBuf, sync::Arc};

use rustls::{
    RootCertStore, SignatureScheme,
    client::{ResolvesClientCert, WebPkiServerVerifier},
    sign::CertifiedKey,
};
use switchyard_credentials::{self as credentials, Chain};

use crate::{changes::changed, presented::Presented};

/// The files that say what to believe and to show.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustFiles {
    /// The authorities; `None` for those that the system trusts.
    pub ca: Option<PathBuf>,
    /// The client certificate.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

/// One of the files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Which {
    /// The authorities.
    Ca,
    /// The client certificate.
    Certificate,
    /// Its key.
    Key,
}

impl Which {
    /// Its key in a configuration.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::Certificate => "certificate",
            Self::Key => "key",
        }
    }
}

/// A file that can't be used.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{} {rule}", which.key())]
pub struct Unreadable {
    /// Which file.
    pub which: Which,
    /// What is wrong, and what to do, as the end of a sentence that begins with the file.
    pub rule: String,
}

/// What to believe and to show. See the [module](self).
#[derive(Debug)]
pub struct Belief {
    number: u64,
    roots: Arc<RootCertStore>,
    verifier: Arc<WebPkiServerVerifier>,
    client: Arc<ClientCertificate>,
    files: TrustFiles,
}

impl Belief {
    /// Reads and checks the files. It may wait for a disk.
    pub fn read(files: &TrustFiles) -> Result<Self, Unreadable> {
        let of = |which| move |rule| Unreadable { which, rule };
        let roots = match &files.ca {
            Some(file) => credentials::roots(file),
            None => credentials::system_roots(),
        };
        let roots = roots.map_err(of(Which::Ca))?;
        let client = match (&files.certificate, &files.key) {
            (Some(certificate), Some(key)) => {
                let pair = Chain::read(certificate, key).map_err(|refused| Unreadable {
                    which: match refused.which {
                        credentials::Which::Certificate => Which::Certificate,
                        credentials::Which::Key => Which::Key,
                    },
                    rule: refused.rule,
                })?;
                Some(Arc::clone(pair.key()))
            }
            _ => None,
        };
        Self::new(roots, client, files.clone()).map_err(of(Which::Ca))
    }

    /// The authorities that the system trusts, and no client certificate. It may wait for a disk.
    pub(crate) fn system() -> Result<Self, String> {
        Self::new(credentials::system_roots()?, None, TrustFiles::default())
    }

    fn new(
        roots: RootCertStore,
        client: Option<Arc<CertifiedKey>>,
        files: TrustFiles,
    ) -> Result<Self, String> {
        let roots = Arc::new(roots);
        let provider = Arc::new(credentials::provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), provider)
            .build()
            .map_err(|error| format!("can't be used: {error}"))?;
        Ok(Self {
            number: changed(),
            roots,
            verifier,
            client: Arc::new(ClientCertificate(client)),
            files,
        })
    }

    /// When the client certificate expires, in seconds since the Unix epoch, if there is one.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        self.client.shown().map(|shown| shown.ends)
    }

    /// A number that no other has.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn verifier(&self) -> &Arc<WebPkiServerVerifier> {
        &self.verifier
    }

    pub(crate) fn client(&self) -> &Arc<ClientCertificate> {
        &self.client
    }

    /// Where its authorities come from, for messages.
    pub(crate) fn authorities(&self) -> String {
        match &self.files.ca {
            Some(file) => format!("{:?}", file.display().to_string()),
            None => "what this system trusts".to_owned(),
        }
    }

    /// Whether it is what is believed without any configuration.
    pub(crate) fn is_default(&self) -> bool {
        self.files == TrustFiles::default()
    }

    /// Whether both believe and show the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let certificates = |belief: &Self| belief.client.0.as_ref().map(|key| key.cert.clone());
        self.roots.roots == other.roots.roots
            && certificates(self) == certificates(other)
            && self.files.ca.is_some() == other.files.ca.is_some()
    }
}

/// The certificate that is shown to servers that ask for one, if there is one.
#[derive(Debug)]
pub(crate) struct ClientCertificate(Option<Arc<CertifiedKey>>);

impl ClientCertificate {
    /// What messages show of it.
    pub(crate) fn shown(&self) -> Option<Presented> {
        Presented::of(self.0.as_ref()?.cert.first()?)
    }
}

impl ResolvesClientCert for ClientCertificate {
    /// The one certificate, whatever authorities the server names: it knows best whether it takes it, and says so.
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}
