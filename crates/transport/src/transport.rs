//! How one server is reached: plain, or with TLS under a name.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use rustls::{
    ClientConfig, ClientConnection, Error,
    client::{ClientSessionStore, ResolvesClientCert, Resumption, Tls12Resumption},
    pki_types::ServerName,
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    alert,
    belief::{Belief, ClientCertificate},
    changes::changed,
    refusal::{Reason, Refusal},
    sessions::Sessions,
    stream::Stream,
    tls_stream::{HandshakeError, TlsStream},
    trust::Trust,
    verifier::Verifier,
};

/// What is spoken over TLS (ALPN). A server that could speak HTTP/2 as well then speaks this.
const PROTOCOL: &[u8] = b"http/1.1";

/// A name that no certificate can have.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is neither a host name nor an IP address, so no certificate can be for it: set server_name"
)]
pub struct BadName(String);

/// How one server is reached. Plain, unless it is told otherwise.
///
/// It may change while connections are open: they go on as they are, and [`Transport::version`] says that they are
/// outdated.
#[derive(Debug, Default)]
pub struct Transport {
    tls: ArcSwapOption<Tls>,
    /// Grows when it changes from plain to TLS or back, or to another name.
    version: AtomicU64,
}

/// TLS with one server.
#[derive(Debug)]
struct Tls {
    trust: Arc<Trust>,
    name: Result<ServerName<'static>, BadName>,
    /// What handshakes use, made from what is believed.
    prepared: ArcSwapOption<Prepared>,
}

/// What handshakes with one server use.
#[derive(Debug)]
struct Prepared {
    /// The number of the belief that it is made from.
    number: u64,
    config: Arc<ClientConfig>,
    verifier: Arc<Verifier>,
    client: Arc<ClientCertificate>,
    wanted: Arc<Wanted>,
}

/// The client certificate, and whether the server has asked for one.
#[derive(Debug)]
struct Wanted {
    client: Arc<ClientCertificate>,
    is_wanted: AtomicBool,
}

impl ResolvesClientCert for Wanted {
    fn resolve(
        &self,
        authorities: &[&[u8]],
        schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        self.is_wanted.store(true, Relaxed);
        self.client.resolve(authorities, schemes)
    }

    fn has_certs(&self) -> bool {
        // A server asks only clients that say yes whether there is one.
        true
    }
}

impl Transport {
    /// TLS under `name`, a host name or an IP address, which the server's certificate must have.
    pub fn tls(trust: &Arc<Trust>, name: &str) -> Result<Self, BadName> {
        server_name(name)?;
        let transport = Self::default();
        transport.set_tls(trust, name);
        Ok(transport)
    }

    /// From the next connection on: without TLS.
    pub fn set_plain(&self) {
        if self.is_tls() {
            self.tls.store(None);
            self.version.store(changed(), Relaxed);
        }
    }

    /// From the next connection on: TLS under `name`, a host name or an IP address, which the server's certificate must
    /// have. With a name that no certificate can have, there are no connections.
    pub fn set_tls(&self, trust: &Arc<Trust>, name: &str) {
        let name = server_name(name);
        let before = self.tls.load();
        let is_same = |tls: &Arc<Tls>| tls.name == name && Arc::ptr_eq(&tls.trust, trust);
        if !before.as_ref().is_some_and(is_same) {
            self.tls.store(Some(Arc::new(Tls {
                trust: Arc::clone(trust),
                name,
                prepared: ArcSwapOption::empty(),
            })));
            self.version.store(changed(), Relaxed);
        }
    }

    /// Whether connections have TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls.load().is_some()
    }

    /// A number that changes when connections made before should not be used any more: with the transport, and with what
    /// is believed. See [`changes`](crate::changes()) for when to ask.
    #[must_use]
    pub fn version(&self) -> u64 {
        let believed = self.tls.load().as_ref().map_or(0, |tls| tls.trust.number());
        // Both grow, and no change has the number of another.
        self.version.load(Relaxed).max(believed)
    }

    /// Connects within `limit`, the handshake included. An error may have a [`Refusal`] as its source.
    pub async fn connect(&self, address: SocketAddr, limit: Duration) -> io::Result<Stream> {
        let deadline = Instant::now() + limit;
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let tcp = timeout(limit, TcpStream::connect(address))
            .await
            .map_err(late)??;
        tcp.set_nodelay(true)?;
        let Some(tls) = self.tls.load_full() else {
            return Ok(Stream::Plain(tcp));
        };
        let stream = timeout_at(deadline, tls.handshake(tcp)).await;
        let stream = stream.unwrap_or_else(|_| Err(Refusal::slow(limit).into()))?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, BadName> {
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let bare = bare.unwrap_or(name);
    // A name may end with the root's dot, which no certificate has.
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    let parsed = ServerName::try_from(bare.to_owned());
    parsed.map_err(|_| BadName(name.to_owned()))
}

impl Tls {
    async fn handshake(&self, tcp: TcpStream) -> io::Result<TlsStream> {
        let prepared = self.prepared().await?;
        let failed = |error: Error| Refusal::new(Reason::Handshake, error);
        let name = self
            .name
            .clone()
            .map_err(|bad| Refusal::new(Reason::WrongName, bad))?;
        let connection = ClientConnection::new(Arc::clone(&prepared.config), name);
        let connection = connection.map_err(failed)?;
        let done = TlsStream::handshake(tcp, connection, &prepared.client).await;
        done.map_err(|error| prepared.refusal(error).into())
    }

    /// What this handshake uses. It is made anew when something else is believed, and with it what is known of sessions.
    async fn prepared(&self) -> io::Result<Arc<Prepared>> {
        let belief = self.trust.current().await?;
        let known = self.prepared.load_full();
        if let Some(known) = known.filter(|known| known.number == belief.number()) {
            return Ok(known);
        }
        let prepared = Arc::new(Prepared::new(&belief)?);
        self.prepared.store(Some(Arc::clone(&prepared)));
        Ok(prepared)
    }
}

impl Prepared {
    fn new(belief: &Belief) -> Result<Self, Refusal> {
        let sessions = Arc::new(Sessions::default());
        let verifier = Arc::new(Verifier::new(
            Arc::clone(belief.verifier()),
            belief.authorities(),
            Arc::clone(&sessions),
        ));
        let client = Arc::clone(belief.client());
        let wanted = Arc::new(Wanted {
            client: Arc::clone(&client),
            is_wanted: AtomicBool::new(false),
        });
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(switchyard_credentials::provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| Refusal::new(Reason::Handshake, error))?
                .dangerous()
                .with_custom_certificate_verifier(Arc::clone(&verifier) as _)
                .with_client_cert_resolver(Arc::clone(&wanted) as _);
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        let store: Arc<dyn ClientSessionStore> = sessions;
        config.resumption =
            Resumption::store(store).tls12_resumption(Tls12Resumption::SessionIdOrTickets);
        Ok(Self {
            number: belief.number(),
            config: Arc::new(config),
            verifier,
            client,
            wanted,
        })
    }

    fn refusal(&self, error: HandshakeError) -> Refusal {
        match error {
            HandshakeError::Tls(Error::InvalidCertificate(_)) => {
                let refused = self.verifier.refused();
                let unknown =
                    || Refusal::new(Reason::BadCertificate, "its certificate can't be used");
                refused.unwrap_or_else(unknown)
            }
            HandshakeError::Tls(error) => {
                let is_wanted = self.wanted.is_wanted.load(Relaxed);
                alert::refusal(&error, &self.client, is_wanted)
            }
            HandshakeError::Io(error) => alert::ended(&error),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tls.load().as_ref() {
            Some(tls) => match &tls.name {
                Ok(name) => write!(f, "TLS as {}", name.to_str()),
                Err(bad) => bad.fmt(f),
            },
            None => f.write_str("plain"),
        }
    }
}
