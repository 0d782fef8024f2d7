//! A store behind TLS. What a process trusts is in its environment, so each case is a process of its own.

use std::{env, fs, path::Path, process::Stdio, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use switchyard_faults::RedisServer;
use switchyard_fleet::ErrorKind;
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, UnixStream},
    process::Command,
};
use tokio_rustls::TlsAcceptor;

use crate::support::{Kept, fleet};

/// The address of the store, for the test in the other process.
const STORE: &str = "TEST_STORE";
/// Set where its certificate is not to be trusted.
const IS_STRANGE: &str = "TEST_STORE_IS_STRANGE";

#[tokio::test]
async fn a_store_is_spoken_to_by_tls_if_its_certificate_is_trusted() {
    let server = RedisServer::start();
    let folder = TempDir::new().unwrap();
    let (ours, other) = (
        folder.path().join("ours.pem"),
        folder.path().join("other.pem"),
    );
    let port = terminate(&server.socket(), &ours).await;
    let strange = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&other, strange.cert.pem()).unwrap();

    assert_child(&format!("rediss://localhost:{port}"), &ours, false).await;
    assert_child(&format!("rediss://localhost:{port}"), &other, true).await;
    // The certificate is of another name.
    assert_child(&format!("rediss://127.0.0.1:{port}"), &ours, true).await;
    let missing = folder.path().join("missing.pem");
    assert_child(&format!("rediss://localhost:{port}"), &missing, true).await;
}

/// Speaks TLS on a port of its own, with a certificate that is left in a file, and plainly to the socket.
async fn terminate(socket: &Path, file: &Path) -> u16 {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(file, cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (acceptor, socket) = (TlsAcceptor::from(Arc::new(config)), socket.to_owned());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (acceptor, socket) = (acceptor.clone(), socket.clone());
            tokio::spawn(async move {
                if let Ok(mut client) = acceptor.accept(client).await {
                    let mut server = UnixStream::connect(socket).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    port
}

async fn assert_child(store: &str, trusted: &Path, is_strange: bool) {
    let mut child = Command::new(env::current_exe().unwrap());
    child
        .args([
            "--ignored",
            "--exact",
            "tls::claims_in_a_process_of_its_own",
        ])
        .env("SSL_CERT_FILE", trusted)
        .env_remove("SSL_CERT_DIR")
        .env(STORE, store)
        .stdin(Stdio::null());
    if is_strange {
        child.env(IS_STRANGE, "1");
    }
    let output = child.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{store}: {said}"
    );
}

#[tokio::test]
#[ignore = "a part of the test above"]
async fn claims_in_a_process_of_its_own() {
    // Nothing to do where all ignored tests are run.
    let Ok(store) = env::var(STORE) else { return };
    if env::var(IS_STRANGE).is_ok() {
        let kept = Kept::hasty(&store);
        kept.until_fails_by(ErrorKind::Unreachable).await;
        kept.until_fails_with("certificate").await;
    } else {
        let kept = Kept::with(&fleet(&store));
        kept.claims("k").await;
    }
}
