//! A substation with TLS, on a thread that a test scripts.

use std::fs;

use rcgen::{CertificateParams, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer,
    server::WebPkiClientVerifier,
};
use switchyard_transport::{Belief, Trust, TrustFiles};

use crate::tests::*;

/// The substation's end of a connection.
pub(super) type Secured = StreamOwned<ServerConnection, Peer>;

/// A substation with TLS, and how it is reached.
pub(super) struct SecuredSubstation {
    pub(super) substation: Substation,
    config: Arc<ServerConfig>,
    transport: &'static Transport,
}

impl SecuredSubstation {
    pub(super) fn start() -> Self {
        Self::with(false)
    }

    /// If it `asks`, it takes only clients with a certificate, and there is none.
    pub(super) fn with(asks: bool) -> Self {
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let own = own.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        fs::write(&ca, own.pem()).unwrap();
        let files = TrustFiles {
            ca: Some(ca),
            ..TrustFiles::default()
        };
        let trust = Arc::new(Trust::default());
        trust.replace(Some(Belief::read(&files).unwrap()));
        let transport = Transport::tls(&trust, "127.0.0.1").unwrap();

        let provider = Arc::new(switchyard_credentials::provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = if asks {
            let mut roots = RootCertStore::empty();
            roots.add(own.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            config.with_no_client_auth()
        };
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = config.with_single_cert(vec![own.der().clone()], key);
        Self {
            substation: Substation::start(),
            config: Arc::new(config.unwrap()),
            transport: Box::leak(Box::new(transport)),
        }
    }

    pub(super) fn to(&self, most: usize) -> Destination<'static> {
        Destination {
            transport: self.transport,
            ..destination(self.substation.address, most)
        }
    }

    /// Takes a connection.
    pub(super) fn accept(&self) -> Secured {
        let (peer, _) = self.substation.listener.accept().unwrap();
        // Otherwise each of its own small records would wait for an acknowledgement.
        peer.set_nodelay(true).unwrap();
        let tls = ServerConnection::new(Arc::clone(&self.config)).unwrap();
        StreamOwned::new(tls, peer)
    }

    /// Takes one request on a new connection and answers it.
    pub(super) fn serve(&self) -> Secured {
        let mut peer = self.accept();
        answer_one(&mut peer);
        peer
    }
}

pub(super) fn read_secured(peer: &mut Secured) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n{}") {
        let mut byte = [0];
        assert_eq!(peer.read(&mut byte).unwrap(), 1);
        request.push(byte[0]);
    }
    String::from_utf8(request).unwrap()
}

pub(super) fn answer_one(peer: &mut Secured) {
    read_secured(peer);
    peer.write_all(ANSWER).unwrap();
}

/// Says that it closes, as TLS does.
pub(super) fn say_close(peer: &mut Secured) {
    peer.conn.send_close_notify();
    let _ = peer.flush();
}

/// How a substation ends a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// With a word of TLS.
    Said,
    /// Without.
    Unsaid,
}

pub(super) const ENDS: [End; 2] = [End::Said, End::Unsaid];

pub(super) fn end(mut peer: Secured, how: End) {
    if matches!(how, End::Said) {
        say_close(&mut peer);
    }
    drop(peer);
}
