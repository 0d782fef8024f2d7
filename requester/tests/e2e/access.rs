//! Targets over TLS: what is trusted, what is shown, and a token.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::SingleCertAndKey;
use switchyard_credentials::{Chain, provider, roots};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::binary::output;
use crate::support::answer;

struct Files(TempDir);

impl Files {
    /// An authority, and a certificate of it that serves for both sides.
    fn new() -> Self {
        let files = Self(TempDir::new().unwrap());
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let signed = params.signed_by(&key, &authority).unwrap();
        for (name, text) in [
            ("ca.pem", authority.pem()),
            ("own.pem", signed.pem()),
            ("own.key", key.serialize_pem()),
            ("token", "sesame\n".to_owned()),
        ] {
            fs::write(files.path(name), text).unwrap();
        }
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Books charges of clients with a certificate and a token. Returns where, and the count of those.
    async fn serve(&self) -> (SocketAddr, Arc<AtomicU64>) {
        let roots = Arc::new(roots(&self.path("ca.pem")).unwrap());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::new(provider()));
        let chain = Chain::read(&self.path("own.pem"), &self.path("own.key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(chain.key()))));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let booked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&booked);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, count) = (acceptor.clone(), Arc::clone(&count));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = service_fn(move |request: hyper::Request<_>| {
                        let token = request.headers().get("authorization");
                        let is_known = token.is_some_and(|token| token == "Bearer sesame");
                        count.fetch_add(u64::from(is_known), SeqCst);
                        let status = if is_known { 200 } else { 401 };
                        async move { Ok::<_, Infallible>(answer(status, "s1", "{}")) }
                    });
                    let server = hyper::server::conn::http1::Builder::new();
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        (address, booked)
    }
}

/// A short run against this URL, with a value for each option.
async fn run(url: &str, options: &[(&str, PathBuf)]) -> (i32, String, String) {
    let run = [
        "steady",
        "--target",
        url,
        "--rate",
        "50",
        "--duration",
        "400ms",
        "--clients",
        "2",
        "--quiet",
    ];
    let mut args: Vec<_> = run.map(str::to_owned).into();
    for (option, file) in options {
        args.extend([(*option).to_owned(), file.display().to_string()]);
    }
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    output(&args).await
}

#[tokio::test]
async fn charges_go_over_tls_with_a_certificate_and_a_token() {
    let files = Files::new();
    let (address, booked) = files.serve().await;
    let url = format!("https://localhost:{}", address.port());
    let [ca, cert, key, token] = [
        ("--ca", "ca.pem"),
        ("--cert", "own.pem"),
        ("--key", "own.key"),
        ("--token-file", "token"),
    ]
    .map(|(option, name)| (option, files.path(name)));
    let all = [ca.clone(), cert.clone(), key.clone(), token.clone()];
    let (code, out, err) = run(&url, &all).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(booked.load(SeqCst) > 5, "{out}");

    let (code, _, err) = run(
        &url,
        &[
            cert.clone(),
            key.clone(),
            token.clone(),
            ("--ca", files.path("own.pem")),
        ],
    )
    .await;
    assert_eq!(code, 1);
    assert!(
        err.contains("name the authority that signed it with --ca"),
        "{err}"
    );
    let (code, _, err) = run(
        &url,
        &[ca.clone(), cert.clone(), ("--key", files.path("token"))],
    )
    .await;
    assert_eq!(code, 2);
    assert!(
        err.contains("--key ") && err.contains("holds no private key"),
        "{err}"
    );
    let (code, _, err) = run(&url, &[ca, cert, key, ("--token-file", files.path("none"))]).await;
    assert_eq!(code, 2);
    assert!(
        err.contains("--token-file ") && !err.contains("sesame"),
        "{err}"
    );
}

#[tokio::test]
async fn a_target_without_tls_is_named_as_such() {
    let (address, _) = crate::support::serve(|_| async { answer(200, "s1", "{}") }).await;
    let files = Files::new();
    let url = format!("https://localhost:{}", address.port());
    let (code, _, err) = run(&url, &[("--ca", files.path("ca.pem"))]).await;
    assert_eq!(code, 1);
    assert!(
        err.contains("the port speaks no TLS: write http://"),
        "{err}"
    );
}
