//! A server with TLS, and an authority that issues certificates for it.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{Belief, Stream, Transport, Trust, TrustFiles};

/// Longer than anything takes on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A certificate with its key.
pub(super) struct Pair {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: KeyPair,
}

impl Pair {
    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.serialize_der().into())
    }
}

/// An authority, and the folder with what it issues.
pub(super) struct Authority {
    pub(super) issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    pub(super) fn with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap(),
            folder: TempDir::new().unwrap(),
        }
    }

    /// A certificate for these names.
    pub(super) fn issue(&self, names: &[&str]) -> Pair {
        self.issue_with(names, |_| {})
    }

    pub(super) fn issue_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Pair {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "station");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair {
            chain: vec![certificate.der().clone()],
            key,
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        fs::write(&file, text).unwrap();
        file
    }

    /// The files of a client that trusts this authority alone.
    pub(super) fn files(&self) -> TrustFiles {
        TrustFiles {
            ca: Some(self.file("ca.pem", &self.issuer.pem())),
            ..TrustFiles::default()
        }
    }

    /// The files of a client that also shows a certificate of `by`.
    pub(super) fn files_with_client(&self, by: &Self) -> TrustFiles {
        let pair = by.issue_with(&["proxy"], |params| {
            params.distinguished_name.push(DnType::CommonName, "proxy");
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        });
        let pem = pem(&pair.chain[0]);
        TrustFiles {
            certificate: Some(self.file("client.pem", &pem)),
            key: Some(self.file("client.key", &pair.key.serialize_pem())),
            ..self.files()
        }
    }

    pub(super) fn trust(&self) -> Arc<Trust> {
        trust(&self.files())
    }

    pub(super) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        roots
    }
}

fn pem(der: &CertificateDer<'_>) -> String {
    const LINE: usize = 64;
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let encoded = base64(der);
    for line in encoded.as_bytes().chunks(LINE) {
        text.push_str(str::from_utf8(line).unwrap());
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let number = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = DIGITS[(number >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= three.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

pub(super) fn trust(files: &TrustFiles) -> Arc<Trust> {
    let trust = Trust::default();
    assert!(trust.replace(Some(Belief::read(files).unwrap())));
    Arc::new(trust)
}

/// When it is so many days from now.
pub(super) fn in_days(days: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::from(SystemTime::now()) + time::Duration::days(days)
}

/// A server that takes connections one after the other.
pub(super) struct Server {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) config: ServerConfig,
}

impl Server {
    pub(super) async fn start(pair: Pair) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let key = pair.key();
        Self {
            address: listener.local_addr().unwrap(),
            listener,
            config: server()
                .with_no_client_auth()
                .with_single_cert(pair.chain, key)
                .unwrap(),
        }
    }

    /// The same, for clients that show a certificate of `by`.
    pub(super) async fn mutual(pair: Pair, by: &Authority) -> Self {
        let provider = Arc::new(switchyard_credentials::provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(by.roots()), provider);
        let key = pair.key();
        let mut server = Self::start(by.issue(&["unused"])).await;
        server.config = self::server()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(pair.chain, key)
            .unwrap();
        server
    }

    pub(super) async fn tcp(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    /// Takes a connection and its handshake.
    pub(super) async fn accept(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(Arc::new(self.config.clone()));
        acceptor.accept(self.tcp().await).await
    }

    /// A connection from both ends.
    pub(super) async fn pair(&self, transport: &Transport) -> (Stream, TlsStream<TcpStream>) {
        let (client, server) =
            tokio::join!(transport.connect(self.address, PATIENCE), self.accept());
        (client.unwrap(), server.unwrap())
    }

    /// What a client is told that connects, and then asks.
    pub(super) async fn refusal(&self, transport: &Transport) -> std::io::Error {
        let serve = async {
            if let Ok(mut peer) = self.accept().await {
                let _ = peer.read_u8().await;
            }
        };
        let ask = async {
            let mut stream = transport.connect(self.address, PATIENCE).await?;
            stream.write_all(b"x").await?;
            stream.read_u8().await
        };
        let (asked, ()) = tokio::join!(ask, serve);
        asked.unwrap_err()
    }
}

fn server() -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    ServerConfig::builder_with_provider(Arc::new(switchyard_credentials::provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
}

impl Server {
    /// From now on it speaks these versions only, with a certificate of `by` and with clients of it.
    pub(super) fn only(
        &mut self,
        versions: &[&'static rustls::SupportedProtocolVersion],
        by: &Authority,
    ) {
        let pair = by.issue(&["localhost"]);
        let provider = Arc::new(switchyard_credentials::provider());
        let roots = Arc::new(by.roots());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
        let key = pair.key();
        self.config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(pair.chain, key)
            .unwrap();
    }
}

/// A socket that is closed after so many bytes were written to it.
pub(super) struct Cut {
    tcp: TcpStream,
    left: usize,
}

impl Cut {
    pub(super) fn new(tcp: TcpStream, left: usize) -> Self {
        Self { tcp, left }
    }
}

impl AsyncRead for Cut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Cut {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.left == 0 {
            return Poll::Ready(Err(std::io::ErrorKind::BrokenPipe.into()));
        }
        let bytes = &bytes[..bytes.len().min(self.left)];
        let written = std::task::ready!(Pin::new(&mut self.tcp).poll_write(context, bytes))?;
        self.left -= written;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
