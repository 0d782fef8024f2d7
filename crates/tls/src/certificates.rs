//! TLS with clients: one certificate, and the authorities that clients' own certificates come from; all of it can be
//! replaced while connections stay open.
//!
//! A connection keeps the certificate it was opened with. So a replacement is a swap of one pointer, which the next
//! handshake reads. Every problem of the two files is found before the swap and reported as a fault of the
//! configuration; a reload then keeps the old certificate.
//!
//! One [`ServerConfig`] serves all threads, so that a returning client resumes its session on any thread: a full
//! handshake costs more than fifty charges. Early data, which a client sends before the handshake ends, is not
//! accepted, since an eavesdropper could replay it and book again.
//!
//! The handshake is done here and not by Pingora's listener: there it has a limit of one minute, and the connection
//! is not counted before it ends.

use std::{
    fmt, io,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use pingora_core::protocols::l4::stream::Stream as TcpStream;
use rustls::{
    CertificateError, RootCertStore, ServerConfig,
    crypto::ring,
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

use switchyard_config::{self as config, Fault};
use switchyard_credentials::{Chain, Refused, Which, provider, roots};

use crate::{
    bounded::Bounded,
    connection::{HTTP2, TlsConnection},
};

/// The most bytes that a client may send before its handshake has ended: room for the largest key shares and a resumption.
const LARGEST_HANDSHAKE: usize = 8 * 1024;
/// The same where clients show certificates: with room for a chain of three or four.
const LARGEST_WITH_CERTIFICATE: usize = 16 * 1024;

/// The protocols on offer (ALPN), best first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
/// The same of the admin port.
const ADMIN_PROTOCOLS: [&[u8]; 1] = [b"http/1.1"];

/// The certificate in force, and everything else that a handshake needs.
pub struct Certificates {
    current: Arc<CurrentChain>,
    server: ArcSwap<Server>,
}

/// What handshakes go by besides the certificate.
struct Server {
    config: Arc<ServerConfig>,
    /// The authorities whose certificates clients may show. None are asked for otherwise.
    client_ca: Option<Arc<RootCertStore>>,
    /// The key of the configuration, and the protocols on offer.
    of: (&'static str, &'static [&'static [u8]]),
}

/// What the files say.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) chain: Chain,
    client_ca: Option<Arc<RootCertStore>>,
}

/// The certificate that the next handshake uses.
#[derive(Debug)]
struct CurrentChain(ArcSwap<Chain>);

impl ResolvesServerCert for CurrentChain {
    /// The one certificate, whatever name the client asks for: a client that expects another reports it itself.
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(self.0.load().key()))
    }
}

impl Certificates {
    /// Reads and checks all files.
    pub fn load(files: &config::Tls) -> Result<Self, Fault> {
        Self::of(read(files)?, "tls", &PROTOCOLS)
    }

    /// The same for the admin port, which speaks HTTP/1.1 alone.
    pub fn load_admin(files: &config::AdminTls) -> Result<Self, Fault> {
        Self::of(read_admin(files)?, "admin.tls", &ADMIN_PROTOCOLS)
    }

    fn of(files: Files, key: &'static str, protocols: &'static [&[u8]]) -> Result<Self, Fault> {
        let Files { chain, client_ca } = files;
        let current = Arc::new(CurrentChain(ArcSwap::from_pointee(chain)));
        let server = Server::new(Arc::clone(&current), client_ca, (key, protocols))?;
        Ok(Self {
            current,
            server: ArcSwap::from_pointee(server),
        })
    }

    /// Reads and checks all files again, and uses them from the next handshake on. Returns whether the certificate
    /// or the authorities differ. A fault changes nothing.
    pub fn reload(&self, files: &config::Tls) -> Result<bool, Fault> {
        self.replace(read(files)?)
    }

    /// Uses these from the next handshake on. Returns whether they differ from the last.
    pub(super) fn replace(&self, files: Files) -> Result<bool, Fault> {
        let Files { chain, client_ca } = files;
        let is_new = !self.current.0.load().is_same(&chain);
        let has_other_ca = !self.server.load().believes(client_ca.as_deref());
        if has_other_ca {
            // With keys of its own for the sessions of clients: one that was opened under other authorities does not go on.
            let of = self.server.load().of;
            let server = Server::new(Arc::clone(&self.current), client_ca, of)?;
            self.server.store(Arc::new(server));
        }
        if is_new {
            self.current.0.store(Arc::new(chain));
        }
        Ok(is_new || has_other_ca)
    }

    /// When the certificate expires, in seconds since the Unix epoch.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.current.0.load().expires_at()
    }

    /// Does the server's part of a handshake, which has a bound on its size and no deadline of its own.
    pub async fn handshake(&self, stream: TcpStream) -> io::Result<TlsConnection> {
        let server = self.server.load_full();
        let acceptor = TlsAcceptor::from(Arc::clone(&server.config));
        let largest = match server.client_ca {
            None => LARGEST_HANDSHAKE,
            Some(_) => LARGEST_WITH_CERTIFICATE,
        };
        let mut stream = acceptor.accept(Bounded::new(stream, largest)).await?;
        stream.get_mut().0.unbind();
        let connection = TlsConnection::new(stream);
        // A session that is resumed brings the certificate along, and nothing looks at its dates again.
        if connection
            .subject()
            .is_some_and(|subject| subject.expires_at < unix_seconds())
        {
            let expired = rustls::Error::InvalidCertificate(CertificateError::Expired);
            return Err(io::Error::new(io::ErrorKind::InvalidData, expired));
        }
        Ok(connection)
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

impl Server {
    fn new(
        current: Arc<CurrentChain>,
        client_ca: Option<Arc<RootCertStore>>,
        (key, protocols): (&'static str, &'static [&[u8]]),
    ) -> Result<Self, Fault> {
        let text = |error: rustls::Error| cannot(key, &error);
        let builder = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .map_err(text)?;
        let builder = match &client_ca {
            None => builder.with_no_client_auth(),
            Some(roots) => {
                let roots = Arc::clone(roots);
                // A client without a certificate gets an answer that says what it lacks. A handshake that fails says
                // nothing, and in TLS 1.3 the client learns of it only when it reads.
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots, Arc::new(provider()))
                        .allow_unauthenticated()
                        .build()
                        .map_err(|error| cannot(key, &error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_cert_resolver(current);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        // Clients keep their sessions, sealed with keys that change every few hours: any number of them can resume
        // without memory here.
        config.ticketer = ring::Ticketer::new().map_err(text)?;
        Ok(Self {
            config: Arc::new(config),
            client_ca,
            of: (key, protocols),
        })
    }

    /// Whether it believes these authorities and no others.
    fn believes(&self, client_ca: Option<&RootCertStore>) -> bool {
        let roots = |store: &RootCertStore| store.roots.clone();
        self.client_ca.as_deref().map(roots) == client_ca.map(roots)
    }
}

fn cannot(key: &str, error: &dyn fmt::Display) -> Fault {
    Fault {
        path: key.to_owned(),
        value: String::new(),
        rule: format!("can't be set up: {error}"),
        line: None,
    }
}

fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// Reads and checks all files.
pub(super) fn read(files: &config::Tls) -> Result<Files, Fault> {
    let chain = pair("tls", &files.certificate, &files.key)?;
    let client_ca = files.client_ca.as_ref().map(|file| {
        let read = roots(file).map(Arc::new);
        read.map_err(|rule| fault("tls.client_ca", file, rule))
    });
    Ok(Files {
        chain,
        client_ca: client_ca.transpose()?,
    })
}

/// Reads and checks both files of the admin port.
pub(super) fn read_admin(files: &config::AdminTls) -> Result<Files, Fault> {
    Ok(Files {
        chain: pair("admin.tls", &files.certificate, &files.key)?,
        client_ca: None,
    })
}

/// Reads and checks the files of one certificate, which the configuration names below `section`.
fn pair(section: &str, certificate: &Path, key: &Path) -> Result<Chain, Fault> {
    Chain::read(certificate, key).map_err(|Refused { which, rule }| {
        let (name, file) = match which {
            Which::Certificate => ("certificate", certificate),
            Which::Key => ("key", key),
        };
        fault(&format!("{section}.{name}"), file, rule)
    })
}

fn fault(path: &str, file: &Path, rule: String) -> Fault {
    Fault {
        path: path.to_owned(),
        value: format!("{:?}", file.display().to_string()),
        rule,
        line: None,
    }
}
