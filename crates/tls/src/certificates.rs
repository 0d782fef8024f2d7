//! TLS on the clients' side: one certificate, that can be replaced while connections go on.
//!
//! A connection keeps what it was opened with. So replacing a certificate is a swap of one pointer, which
//! the next handshake finds. Everything that can be wrong with the two files is found before the swap and told
//! as a fault of the configuration; whoever asks for a reload keeps the old certificate then.
//!
//! One [`ServerConfig`] serves all threads, so that a client that comes back resumes its session whichever
//! thread accepts it: a whole handshake costs more than fifty charges. What a client sends before the handshake
//! is over (early data) is not taken, since whoever recorded it could send it again, and book again.
//!
//! The handshake is done here and not by Pingora's listener: there it would have a minute of its own, before
//! the connection is counted and before anything else of ours sees it.

use std::{fmt, io, sync::Arc};

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

use crate::{
    chain::Chain,
    connection::{HTTP2, TlsConnection},
    provider::provider,
};

/// What is offered, best first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];

/// The certificate that is shown to clients, and all that a handshake needs besides.
pub struct Certificates {
    shown: Arc<CurrentChain>,
    server: Arc<ServerConfig>,
}

/// What a handshake finds.
#[derive(Debug)]
struct CurrentChain(ArcSwap<Chain>);

impl ResolvesServerCert for CurrentChain {
    /// The one certificate, whatever name was asked for: a client that expected another says so itself.
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(self.0.load().key()))
    }
}

impl Certificates {
    /// Reads and checks both files.
    pub fn load(files: &config::Tls) -> Result<Self, Fault> {
        let shown = Arc::new(CurrentChain(ArcSwap::from_pointee(Chain::read(files)?)));
        let server = server(Arc::clone(&shown)).map_err(|error| Fault {
            path: "tls".to_owned(),
            value: String::new(),
            rule: format!("can't be set up: {error}"),
        })?;
        Ok(Self { shown, server })
    }

    /// Reads and checks both files anew, and shows what is in them from the next handshake on. Whether that is
    /// another certificate. After a fault all is as it was.
    pub fn reload(&self, files: &config::Tls) -> Result<bool, Fault> {
        Ok(self.replace(Chain::read(files)?))
    }

    /// Shows another chain from the next handshake on. Whether it is another.
    pub(super) fn replace(&self, chain: Chain) -> bool {
        let is_other = !self.shown.0.load().is_same(&chain);
        if is_other {
            self.shown.0.store(Arc::new(chain));
        }
        is_other
    }

    /// When the certificate expires, in seconds since the Unix epoch.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.shown.0.load().expires_at()
    }

    /// The server's part of a handshake, for as long as the client lets it take.
    pub async fn handshake(&self, stream: TcpStream) -> io::Result<TlsConnection> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.server));
        acceptor.accept(stream).await.map(TlsConnection::new)
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

fn server(shown: Arc<CurrentChain>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut server = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    server.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    // Sessions are kept by the clients, sealed with keys that change every few hours: any number resumes, and
    // none costs memory here.
    server.ticketer = ring::Ticketer::new()?;
    Ok(Arc::new(server))
}
