//! Certificates made for a test, and a client that trusts exactly one certificate.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
};
use tempfile::TempDir;

use switchyard_faults::PATIENCE;

/// A folder with a certificate for `localhost` and its key, as the configuration names them.
pub(crate) struct Certificate {
    folder: TempDir,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let certificate = Self {
            folder: TempDir::new().unwrap(),
        };
        certificate.renew();
        certificate
    }

    /// Replaces the certificate and the key, and returns the new certificate.
    pub(crate) fn renew(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(self.path("tls.crt"), made.cert.pem()).unwrap();
        fs::write(self.path("tls.key"), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The key of the configuration.
    pub(crate) fn yaml(&self) -> String {
        let shown = |path: &Path| path.display().to_string();
        format!(
            "tls: {{certificate: {}, key: {}}}",
            shown(&self.path("tls.crt")),
            shown(&self.path("tls.key"))
        )
    }

    /// The configuration of a client that trusts the certificate now in the folder.
    pub(crate) fn client(&self, alpn: &[&str]) -> Arc<ClientConfig> {
        self.client_with(alpn, None)
    }

    /// The same of a client that shows this certificate.
    pub(crate) fn client_with(
        &self,
        alpn: &[&str],
        own: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    ) -> Arc<ClientConfig> {
        use rustls::pki_types::pem::PemObject;
        let mut roots = RootCertStore::empty();
        let der = CertificateDer::from_pem_file(self.path("tls.crt")).unwrap();
        roots.add(der).unwrap();
        let client = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut client = match own {
            None => client.with_no_client_auth(),
            Some((chain, key)) => client.with_client_auth_cert(chain, key).unwrap(),
        };
        client.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(client)
    }
}

/// The name in the certificate.
pub(crate) fn name() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// A connection over TLS that speaks HTTP/1.1.
pub(crate) struct Secure(StreamOwned<ClientConnection, TcpStream>);

impl Secure {
    /// Connects, with the handshake.
    pub(crate) fn open(address: SocketAddr, client: &Arc<ClientConfig>) -> std::io::Result<Self> {
        Self::over(TcpStream::connect(address)?, client)
    }

    /// The same on a connection on which nothing of TLS was sent.
    pub(crate) fn over(mut stream: TcpStream, client: &Arc<ClientConfig>) -> std::io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut tls = ClientConnection::new(Arc::clone(client), name()).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        Ok(Self(StreamOwned::new(tls, stream)))
    }

    /// The certificate that the proxy showed.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.0.conn.peer_certificates().unwrap()[0]
            .clone()
            .into_owned()
    }

    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        self.0.conn.alpn_protocol()
    }

    pub(crate) fn is_resumed(&self) -> bool {
        self.0.conn.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    /// Sends a request, and returns the head of its answer and its body, which has a Content-Length.
    pub(crate) fn ask(&mut self, request: &str) -> (String, String) {
        self.try_ask(request).expect("an answer")
    }

    /// The same where the connection may end without an answer.
    pub(crate) fn try_ask(&mut self, request: &str) -> Option<(String, String)> {
        self.0.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        loop {
            let text = String::from_utf8(answer.clone()).unwrap();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let lower = head.to_lowercase();
                let length = lower.split("content-length: ").nth(1).unwrap();
                let length: usize = length.lines().next().unwrap().parse().unwrap();
                if body.len() >= length {
                    return Some((lower, body.to_owned()));
                }
            }
            let mut piece = [0; 2048];
            let read = self.0.read(&mut piece).ok()?;
            assert!(read > 0, "it ended in the middle of {text:?}");
            answer.extend_from_slice(&piece[..read]);
        }
    }
}
