//! TLS with clients: the certificate of a substation, and whose certificates it asks for.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{RootCertStore, ServerConfig, crypto::ring};
use switchyard_credentials::{Chain, Which, provider, roots};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// How long a handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// The one protocol on offer (ALPN).
const HTTP1: &[u8] = b"http/1.1";

/// Why a substation can't serve TLS.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file of the certificate does not fit.
    #[error("{0}")]
    Certificate(String),
    /// The file of the key does not fit.
    #[error("{0}")]
    Key(String),
    /// The file of the authorities does not fit.
    #[error("{0}")]
    ClientCa(String),
    /// The parts don't fit together.
    #[error("TLS can't be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// What handshakes need: the certificate with its key, both PEM. With `client_ca` each client must show a certificate
/// that one of these authorities has signed.
pub fn tls(
    certificate: &Path,
    key: &Path,
    client_ca: Option<&Path>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = Chain::read(certificate, key).map_err(|refused| match refused.which {
        Which::Certificate => TlsError::Certificate(refused.rule),
        Which::Key => TlsError::Key(refused.rule),
    })?;
    let clients = match client_ca {
        None => Arc::new(NoClientAuth),
        Some(file) => verifier(roots(file).map_err(TlsError::ClientCa)?)?,
    };
    let mut server = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(chain.key()))));
    server.alpn_protocols = vec![HTTP1.to_vec()];
    // Clients keep their sessions, so any number of them can resume without memory here.
    server.ticketer = ring::Ticketer::new()?;
    Ok(Arc::new(server))
}

fn verifier(roots: RootCertStore) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(provider()))
        .build()
        .map_err(|error| TlsError::ClientCa(error.to_string()))
}

/// Does the substation's part of a handshake.
pub(crate) async fn handshake(
    stream: TcpStream,
    config: Arc<ServerConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let accepted = timeout(HANDSHAKE_LIMIT, TlsAcceptor::from(config).accept(stream)).await;
    accepted.map_err(io::Error::from).flatten()
}
