//! TLS in front of a backend that speaks it in clear: each connection is taken apart and passed on, byte by byte.

use std::{net::SocketAddr, sync::Arc};

use rustls::ServerConfig;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio_rustls::TlsAcceptor;

use crate::secure::Certificate;

/// Shows a certificate, and passes on what comes to a backend.
pub(super) struct Terminator {
    pub(super) address: SocketAddr,
    _runtime: Runtime,
}

impl Terminator {
    pub(super) fn start(backend: SocketAddr, certificate: &Certificate) -> Self {
        let [crt, key] = ["tls.crt", "tls.key"].map(|name| certificate.path(name));
        let mut config = ServerConfig::clone(&substation::tls(&crt, &key, None).unwrap());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                connection.set_nodelay(true).unwrap();
                tokio::spawn(pass_on(acceptor.clone(), connection, backend));
            }
        });
        Self {
            address,
            _runtime: runtime,
        }
    }
}

/// One connection, until either side ends. What one side does not send ends the other, as without this in between.
async fn pass_on(acceptor: TlsAcceptor, connection: TcpStream, backend: SocketAddr) {
    let Ok(mut encrypted) = acceptor.accept(connection).await else {
        return;
    };
    let Ok(mut plain) = TcpStream::connect(backend).await else {
        return;
    };
    let _ = plain.set_nodelay(true);
    let _ = copy_bidirectional(&mut encrypted, &mut plain).await;
}
