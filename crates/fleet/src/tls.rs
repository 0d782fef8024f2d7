//! TLS to the store.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use rustls::{ClientConfig, pki_types::ServerName};
use switchyard_credentials::{client, system_roots};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Does the handshake, and checks that the certificate is one of `host`.
pub(crate) async fn handshake(host: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let config = tokio::task::spawn_blocking(client_config);
    let config = config.await.map_err(io::Error::other).flatten()?;
    TlsConnector::from(config).connect(name, stream).await
}

/// Trusts the authorities that the system trusts, or those in `SSL_CERT_FILE`. They are read once.
fn client_config() -> io::Result<Arc<ClientConfig>> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let roots = system_roots().map_err(|why| io::Error::new(io::ErrorKind::NotFound, why))?;
    let config = client(roots, None).map_err(io::Error::other)?;
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}
