//! Substations with TLS that show what they should not, or stop in the middle of a handshake.

use std::{
    fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use switchyard_faults::fault::{booked, gauge};
use tempfile::TempDir;

/// An authority, with a folder for its certificate.
pub(super) struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its chain and its key.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pem: String,
    key: KeyPair,
}

impl Authority {
    /// Each has a name of its own, so that none is taken for another.
    pub(super) fn new(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self {
            folder: TempDir::new().unwrap(),
            issuer,
        };
        fs::write(authority.file("ca.pem"), authority.issuer.pem()).unwrap();
        authority
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate for `localhost`, but for what is changed.
    pub(super) fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        change(&mut params);
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        Shown {
            chain: vec![signed.der().clone()],
            pem: signed.pem(),
            key,
        }
    }

    /// A client certificate in files, as the configuration names them.
    pub(super) fn client_files(&self) -> String {
        let own = self.issue(|_| ());
        fs::write(self.file("client.pem"), &own.pem).unwrap();
        fs::write(self.file("client.key"), own.key.serialize_pem()).unwrap();
        let [certificate, key] =
            ["client.pem", "client.key"].map(|name| self.file(name).display().to_string());
        format!("certificate: {certificate}, key: {key}")
    }
}

impl Shown {
    /// A certificate that nobody but itself has signed.
    pub(super) fn by_itself() -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let made = params.self_signed(&key).unwrap();
        Self {
            chain: vec![made.der().clone()],
            pem: made.pem(),
            key,
        }
    }

    pub(super) fn server(&self) -> Arc<ServerConfig> {
        self.with_clients(Arc::new(NoClientAuth))
    }

    /// The same, but clients must show a certificate of this authority.
    pub(super) fn for_clients_of(&self, authority: &Authority) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.issuer.der().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        self.with_clients(verifier.build().unwrap())
    }

    fn with_clients(&self, verifier: Arc<dyn ClientCertVerifier>) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), key);
        Arc::new(config.unwrap())
    }
}

/// A substation; each connection is a thread.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) address: SocketAddr,
    pub(super) charges: Arc<AtomicU64>,
    pub(super) connections: Arc<AtomicU64>,
}

/// The configuration of a server that may change while it runs.
pub(super) type Current = Arc<Mutex<Arc<ServerConfig>>>;

impl Site {
    /// Serves over TLS.
    pub(super) fn secure(config: Arc<ServerConfig>) -> Self {
        Self::changing(Arc::new(Mutex::new(config)))
    }

    /// The same with what is current.
    pub(super) fn changing(current: Current) -> Self {
        Self::start(move |stream, charges, _| {
            let config = Arc::clone(&current.lock().unwrap());
            let tls = ServerConnection::new(config).unwrap();
            serve(&mut StreamOwned::new(tls, stream), charges)
        })
    }

    /// Does with each connection, the first of which has the number 1, what `act` says.
    pub(super) fn start(
        act: impl Fn(TcpStream, &AtomicU64, u64) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let site = Self {
            address: listener.local_addr().unwrap(),
            charges: Arc::default(),
            connections: Arc::default(),
        };
        let (act, of_site) = (Arc::new(act), site.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (act, site) = (Arc::clone(&act), of_site.clone());
                let number = site.connections.fetch_add(1, SeqCst) + 1;
                // What the other side refuses ends here with an error.
                thread::spawn(move || act(stream, &site.charges, number));
            }
        });
        site
    }

    /// Sends the first `sent(number)` bytes of a good handshake, and then does `end`.
    pub(super) fn cut(
        config: Arc<ServerConfig>,
        sent: impl Fn(u64) -> usize + Send + Sync + 'static,
        hangs: bool,
    ) -> Self {
        Self::start(move |stream, charges, number| {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let left = sent(number);
            let cut = Cut {
                stream,
                left,
                hangs,
            };
            serve(&mut StreamOwned::new(tls, cut), charges)
        })
    }
}

/// A socket that takes so many bytes and no more.
struct Cut {
    stream: TcpStream,
    left: usize,
    hangs: bool,
}

impl Read for Cut {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Cut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            if self.hangs {
                // Until the other side gives up.
                io::copy(&mut self.stream, &mut io::sink())?;
            }
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let most = bytes.len().min(self.left);
        let written = self.stream.write(&bytes[..most])?;
        self.left -= written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Answers scrapes with an idle gauge, and books charges.
fn serve(stream: &mut (impl Read + Write), charges: &AtomicU64) -> io::Result<()> {
    let mut received = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&received).to_lowercase();
        let end = text.find("\r\n\r\n").map(|end| {
            let length = text.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            end + 4 + length.unwrap_or(0)
        });
        if let Some(end) = end.filter(|end| *end <= received.len()) {
            if text.starts_with("get") {
                stream.write_all(&gauge("0"))?;
            } else {
                charges.fetch_add(1, SeqCst);
                stream.write_all(&booked())?;
            }
            stream.flush()?;
            received.drain(..end);
            continue;
        }
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        received.extend_from_slice(&piece[..read]);
    }
}
