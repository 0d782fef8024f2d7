//! Why there is no connection, and what people are told.

use rcgen::{ExtendedKeyUsagePurpose, GeneralSubtree, NameConstraints};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::server::{Authority, PATIENCE, Pair, Server, in_days, trust};
use crate::{Reason, Refusal, Transport, Trust};

/// What a client that trusts `authority` says of a server with this certificate, which it knows as `localhost`.
async fn said(authority: &Authority, pair: Pair) -> (Reason, String) {
    let server = Server::start(pair).await;
    let transport = Transport::tls(&authority.trust(), "localhost").unwrap();
    of(&server.refusal(&transport).await)
}

fn of(error: &std::io::Error) -> (Reason, String) {
    let refusal = Refusal::of(error).unwrap_or_else(|| panic!("{error:?}"));
    (refusal.reason(), refusal.to_string())
}

#[tokio::test]
async fn a_certificate_is_refused_and_the_words_say_which_and_why() {
    let (ours, theirs) = (Authority::new("Ours"), Authority::new("Theirs"));
    let wrong_key = |params: &mut rcgen::CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    };
    for (pair, reason, words) in [
        (
            Authority::new("Ours").issue(&["localhost"]),
            Reason::UnknownCa,
            "has another key",
        ),
        (
            theirs.issue(&["localhost"]),
            Reason::UnknownCa,
            "issued by CN=Theirs",
        ),
        (
            ours.issue_with(&["localhost"], |params| params.not_after = in_days(-1)),
            Reason::Expired,
            "certificate of CN=station has expired at 20",
        ),
        (
            ours.issue_with(&["localhost"], |params| params.not_before = in_days(1)),
            Reason::NotYetValid,
            "correct the clock",
        ),
        (
            ours.issue(&["a.example", "10.0.0.1"]),
            Reason::WrongName,
            "is for a.example, 10.0.0.1 and not for localhost",
        ),
        (ours.issue(&[]), Reason::WrongName, "has no names"),
        (
            ours.issue_with(&["localhost"], wrong_key),
            Reason::WrongPurpose,
            "serverAuth",
        ),
    ] {
        let (said, why) = said(&ours, pair).await;
        assert_eq!(said, reason, "{why}");
        assert!(why.contains(words), "{why}");
    }
}

#[tokio::test]
async fn an_authority_s_own_certificate_is_no_server_s() {
    let ours = Authority::new("Ours");
    let own = Pair {
        chain: vec![ours.issuer.der().clone()],
        key: rcgen::KeyPair::try_from(ours.issuer.key().serialize_der().as_slice()).unwrap(),
    };
    let (reason, why) = said(&ours, own).await;
    assert_eq!(reason, Reason::WrongPurpose, "{why}");
    assert!(why.contains("CA:TRUE"), "{why}");
}

#[tokio::test]
async fn names_that_an_authority_may_not_issue_for_are_refused() {
    let ours = Authority::with("Ours", |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("a.example".to_owned())],
            excluded_subtrees: Vec::new(),
        });
    });
    let (reason, why) = said(&ours, ours.issue(&["localhost"])).await;
    assert_eq!(reason, Reason::NameConstraints, "{why}");
}

#[tokio::test]
async fn a_certificate_that_is_signed_by_itself_is_trusted_only_if_it_is_listed() {
    let ours = Authority::new("Ours");
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    let own = own.self_signed(&key).unwrap();
    let pem = own.pem();
    let pair = Pair {
        chain: vec![own.der().clone()],
        key,
    };
    let server = Server::start(pair).await;
    let transport = Transport::tls(&ours.trust(), "localhost").unwrap();
    let (reason, why) = of(&server.refusal(&transport).await);
    assert_eq!(reason, Reason::UnknownCa, "{why}");
    assert!(why.contains("issued by itself"), "{why}");

    let files = ours.files();
    std::fs::write(files.ca.as_ref().unwrap(), pem).unwrap();
    let transport = Transport::tls(&trust(&files), "localhost").unwrap();
    server.pair(&transport).await;
}

/// With TLS 1.3 the refusal comes after the handshake, as the answer to what was written.
#[tokio::test]
async fn a_server_that_refuses_the_client_s_certificate_is_told_from_one_that_is_lost() {
    let (ours, theirs) = (Authority::new("Ours"), Authority::new("Theirs"));
    for versions in [[&rustls::version::TLS13], [&rustls::version::TLS12]] {
        let mut server = Server::mutual(ours.issue(&["localhost"]), &ours).await;
        server.only(&versions, &ours);
        for (files, words) in [
            (
                ours.files(),
                "asks for a client certificate and there is none",
            ),
            (ours.files_with_client(&theirs), "certificate of CN=proxy"),
        ] {
            let transport = Transport::tls(&trust(&files), "localhost").unwrap();
            let (reason, why) = of(&server.refusal(&transport).await);
            assert_eq!(reason, Reason::ClientCertificate, "{versions:?}: {why}");
            assert!(why.contains(words), "{versions:?}: {why}");
        }
        let files = ours.files_with_client(&ours);
        let transport = Transport::tls(&trust(&files), "localhost").unwrap();
        server.pair(&transport).await;
    }
}

#[tokio::test]
async fn what_speaks_no_tls_or_nothing_is_said_to_do_so() {
    let ours = Authority::new("Ours");
    let server = Server::start(ours.issue(&["localhost"])).await;
    let transport = Transport::tls(&ours.trust(), "localhost").unwrap();
    for (answer, reason, words) in [
        (
            "HTTP/1.1 400 Bad Request\r\n\r\n",
            Reason::NoTls,
            "does not speak TLS",
        ),
        (
            "",
            Reason::Handshake,
            "ended the connection in the handshake",
        ),
        // A fatal alert: internal error.
        (
            "\x15\x03\x03\x00\x02\x02\x50",
            Reason::Handshake,
            "InternalError",
        ),
    ] {
        let serve = async {
            let mut peer = server.tcp().await;
            let mut hello = [0; 4096];
            assert!(peer.read(&mut hello).await.unwrap() > 0);
            peer.write_all(answer.as_bytes()).await.unwrap();
        };
        let (connected, ()) = tokio::join!(transport.connect(server.address, PATIENCE), serve);
        let (said, why) = of(&connected.unwrap_err());
        assert_eq!(said, reason, "{why}");
        assert!(why.contains(words), "{why}");
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_given_up() {
    let ours = Authority::new("Ours");
    let server = Server::start(ours.issue(&["localhost"])).await;
    let transport = Transport::tls(&ours.trust(), "localhost").unwrap();
    let limit = std::time::Duration::from_millis(50);
    let (connected, _peer) = tokio::join!(transport.connect(server.address, limit), server.tcp());
    let error = connected.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    let (reason, why) = of(&error);
    assert_eq!(
        (reason, why.as_str()),
        (Reason::Slow, "no TLS handshake within 50ms")
    );
}

/// Each message of a handshake is cut at each of its bytes.
#[tokio::test]
async fn a_handshake_that_is_cut_anywhere_is_refused() {
    let ours = Authority::new("Ours");
    let server = Server::start(ours.issue(&["localhost"])).await;
    let transport = Transport::tls(&ours.trust(), "localhost").unwrap();
    let mut cut = 0;
    loop {
        let serve = async {
            let tcp = server.tcp().await;
            let cut = super::server::Cut::new(tcp, cut);
            let acceptor =
                tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(server.config.clone()));
            // It must not wait for a client that waits for it.
            let _ = acceptor.accept(cut).await;
        };
        let (connected, ()) = tokio::join!(transport.connect(server.address, PATIENCE), serve);
        match connected {
            Ok(_) => break,
            Err(error) => assert_eq!(of(&error).0, Reason::Handshake, "{cut}: {error}"),
        }
        cut += 1;
    }
    assert!(cut > 500, "{cut}");
}

#[test]
fn what_can_be_no_name_of_a_certificate_is_refused_at_once() {
    let trust = std::sync::Arc::new(Trust::default());
    for good in [
        "a.example",
        "a.example.",
        "127.0.0.1",
        "::1",
        "[::1]",
        "host_1",
    ] {
        assert!(Transport::tls(&trust, good).is_ok(), "{good}");
    }
    for bad in ["", "a b", "a..b", "-", "ä.example", "[::1", "1.2.3"] {
        let refused = Transport::tls(&trust, bad).unwrap_err();
        assert!(refused.to_string().contains("server_name"), "{refused}");
    }
}
