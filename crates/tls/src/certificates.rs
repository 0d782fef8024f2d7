//! TLS with clients: one certificate, which can be replaced while connections stay open.
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

use std::{fmt, io, path::Path, sync::Arc};

use arc_swap::ArcSwap;
use pingora_core::protocols::l4::stream::Stream as TcpStream;
use rustls::{
    ServerConfig,
    crypto::ring,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

use switchyard_config::{self as config, Fault};
use switchyard_credentials::{Chain, Refused, Which, provider};

use crate::{
    bounded::Bounded,
    connection::{HTTP2, TlsConnection},
};

/// The protocols on offer (ALPN), best first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
/// The same of the admin port.
const ADMIN_PROTOCOLS: [&[u8]; 1] = [b"http/1.1"];

/// The certificate in force, and everything else that a handshake needs.
pub struct Certificates {
    current: Arc<CurrentChain>,
    server: Arc<ServerConfig>,
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
    /// Reads and checks both files.
    pub fn load(files: &config::Tls) -> Result<Self, Fault> {
        Self::of(read(files)?, "tls", &PROTOCOLS)
    }

    /// The same for the admin port, which speaks HTTP/1.1 alone.
    pub fn load_admin(files: &config::AdminTls) -> Result<Self, Fault> {
        Self::of(read_admin(files)?, "admin.tls", &ADMIN_PROTOCOLS)
    }

    fn of(chain: Chain, key: &str, protocols: &[&[u8]]) -> Result<Self, Fault> {
        let current = Arc::new(CurrentChain(ArcSwap::from_pointee(chain)));
        let server = server(Arc::clone(&current), protocols).map_err(|error| Fault {
            path: key.to_owned(),
            value: String::new(),
            rule: format!("can't be set up: {error}"),
        })?;
        Ok(Self { current, server })
    }

    /// Reads and checks both files again, and uses them from the next handshake on. Returns whether the certificate
    /// differs. A fault changes nothing.
    pub fn reload(&self, files: &config::Tls) -> Result<bool, Fault> {
        Ok(self.replace(read(files)?))
    }

    /// Uses `chain` from the next handshake on. Returns whether it differs from the last.
    pub(super) fn replace(&self, chain: Chain) -> bool {
        let is_new = !self.current.0.load().is_same(&chain);
        if is_new {
            self.current.0.store(Arc::new(chain));
        }
        is_new
    }

    /// When the certificate expires, in seconds since the Unix epoch.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.current.0.load().expires_at()
    }

    /// Does the server's part of a handshake, which has a bound on its size and no deadline of its own.
    pub async fn handshake(&self, stream: TcpStream) -> io::Result<TlsConnection> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.server));
        let mut stream = acceptor.accept(Bounded::new(stream)).await?;
        stream.get_mut().0.unbind();
        Ok(TlsConnection::new(stream))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

fn server(
    current: Arc<CurrentChain>,
    protocols: &[&[u8]],
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut server = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(current);
    server.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    // Clients keep their sessions, sealed with keys that change every few hours: any number of them can resume
    // without memory here.
    server.ticketer = ring::Ticketer::new()?;
    Ok(Arc::new(server))
}

/// Reads and checks both files.
pub(super) fn read(files: &config::Tls) -> Result<Chain, Fault> {
    pair("tls", &files.certificate, &files.key)
}

/// Reads and checks both files of the admin port.
pub(super) fn read_admin(files: &config::AdminTls) -> Result<Chain, Fault> {
    pair("admin.tls", &files.certificate, &files.key)
}

/// Reads and checks the files of one certificate, which the configuration names below `section`.
fn pair(section: &str, certificate: &Path, key: &Path) -> Result<Chain, Fault> {
    Chain::read(certificate, key).map_err(|Refused { which, rule }| {
        let (name, file) = match which {
            Which::Certificate => ("certificate", certificate),
            Which::Key => ("key", key),
        };
        Fault {
            path: format!("{section}.{name}"),
            value: format!("{:?}", file.display().to_string()),
            rule,
        }
    })
}
