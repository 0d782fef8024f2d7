//! HTTPS: whose certificate is shown, whose is asked for.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::ServerName;
use switchyard_credentials::{Chain, client, roots};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::binary::{command, output};
use crate::support::DEADLINE;

/// A folder with an authority's certificate, and certificates that it has signed.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(TempDir::new().unwrap());
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        files.write("ca.pem", &authority.pem());
        for name in ["substation", "proxy"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
            let signed = params.signed_by(&key, &authority).unwrap();
            files.write(&format!("{name}.pem"), &signed.pem());
            files.write(&format!("{name}.key"), &key.serialize_pem());
        }
        files
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn options(&self) -> String {
        let [certificate, key, ca] = ["substation.pem", "substation.key", "ca.pem"]
            .map(|name| self.path(name).display().to_string());
        format!(
            "--name s --listen 127.0.0.1:0 --capacity-kw 100 --tls-certificate {certificate} --tls-key {key} --client-ca {ca}"
        )
    }

    /// The answer to a request over a new connection, by a client with or without a certificate.
    async fn ask(&self, at: SocketAddr, is_known: bool, request: &str) -> io::Result<String> {
        let own = is_known
            .then(|| Chain::read(&self.path("proxy.pem"), &self.path("proxy.key")).unwrap());
        let config = client(roots(&self.path("ca.pem")).unwrap(), own.as_ref()).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TcpStream::connect(at).await?;
        let mut stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        // An end without a farewell would be an error.
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

async fn started(files: &Files) -> (Child, SocketAddr) {
    let mut child = command(&files.options()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let read = timeout(DEADLINE, out.read_line(&mut line)).await;
    read.expect("no line in time").unwrap();
    let (_, address) = line
        .trim_end()
        .split_once(" listening on https://")
        .unwrap();
    (child, address.parse().unwrap())
}

const CHARGE: &str =
    "POST /charge HTTP/1.1\r\nhost: s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const METRICS: &str = "GET /metrics HTTP/1.1\r\nhost: s\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn charges_and_metrics_are_served_over_tls_to_clients_with_a_certificate() {
    let files = Files::new();
    let (_child, at) = started(&files).await;
    let booked = files.ask(at, true, CHARGE).await.unwrap();
    assert!(booked.starts_with("HTTP/1.1 200 "), "{booked}");
    let page = files.ask(at, true, METRICS).await.unwrap();
    assert!(page.contains("\nsubstation_current_load"), "{page}");
    assert!(files.ask(at, false, CHARGE).await.is_err(), "a stranger");
    // What is no HTTP still gets its answer.
    let refused = files.ask(at, true, "\u{1}\r\n\r\n").await.unwrap();
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");

    let mut plain = TcpStream::connect(at).await.unwrap();
    plain.write_all(CHARGE.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(DEADLINE, plain.read_to_end(&mut answer))
        .await
        .expect("it stays open");
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[tokio::test]
async fn a_file_that_does_not_fit_is_named_with_its_option() {
    let files = Files::new();
    for (name, option, rule) in [
        (
            "substation.pem",
            "--tls-certificate ",
            "holds no certificate",
        ),
        ("substation.key", "--tls-key ", "holds no private key"),
        ("ca.pem", "--client-ca ", "holds no certificate"),
    ] {
        let kept = fs::read(files.path(name)).unwrap();
        files.write(name, "nothing");
        let (code, _, err) = output(&files.options()).await;
        assert_eq!(code, 2, "{err}");
        let file = format!("{option}{}: {rule}", files.path(name).display());
        assert!(err.contains(&file), "{file} is not in {err}");
        fs::write(files.path(name), kept).unwrap();
    }
    let lonely = "--name s --listen 127.0.0.1:0 --capacity-kw 1 --tls-certificate x";
    let (code, _, err) = output(lonely).await;
    assert_eq!(code, 2);
    assert!(err.contains("--tls-key <FILE>"), "{err}");
}
