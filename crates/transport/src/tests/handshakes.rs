//! Whole and short handshakes, and what is believed while that changes.

use std::{collections::BTreeSet, sync::Arc};

use rustls::HandshakeKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::server::TlsStream;

use super::server::{Authority, PATIENCE, Server, in_days, trust};
use crate::{Belief, Reason, Refusal, Stream, Transport, Trust, changes};

type Peer = TlsStream<tokio::net::TcpStream>;

fn kind(peer: &Peer) -> HandshakeKind {
    peer.get_ref().1.handshake_kind().unwrap()
}

/// One byte each way, so that both ends have read what came with the handshake.
async fn exchange(stream: &mut Stream, peer: &mut Peer) {
    stream.write_all(b"?").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(peer.read_u8().await.unwrap(), b'?');
    peer.write_all(b"!").await.unwrap();
    peer.flush().await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'!');
}

#[tokio::test]
async fn names_and_addresses_are_found_in_a_certificate() {
    let ours = Authority::new("Ours");
    let names = ["a.example", "*.b.example", "127.0.0.1", "::1"];
    let server = Server::start(ours.issue(&names)).await;
    let trust = ours.trust();
    for name in [
        "a.example",
        "A.Example.",
        "x.b.example",
        "127.0.0.1",
        "[::1]",
    ] {
        let transport = Transport::tls(&trust, name).unwrap();
        let (mut stream, mut peer) = server.pair(&transport).await;
        exchange(&mut stream, &mut peer).await;
        assert!(matches!(stream, Stream::Tls(_)));
        assert_eq!(
            peer.get_ref().1.alpn_protocol(),
            None,
            "the server offers none"
        );
    }
    for name in ["b.example", "x.y.b.example", "127.0.0.2"] {
        let transport = Transport::tls(&trust, name).unwrap();
        let error = server.refusal(&transport).await;
        assert_eq!(
            Refusal::of(&error).unwrap().reason(),
            Reason::WrongName,
            "{name}"
        );
    }
}

#[tokio::test]
async fn http_1_1_is_asked_for() {
    let ours = Authority::new("Ours");
    let mut server = Server::start(ours.issue(&["localhost"])).await;
    server.config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let transport = Transport::tls(&ours.trust(), "localhost").unwrap();
    let (_stream, peer) = server.pair(&transport).await;
    assert_eq!(peer.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    server.config.alpn_protocols = vec![b"h2".to_vec()];
    let error = server.refusal(&transport).await;
    assert!(
        error.to_string().contains("does not offer HTTP/1.1"),
        "{error}"
    );
}

#[tokio::test]
async fn every_handshake_after_the_first_is_short_on_any_thread() {
    let ours = Authority::new("Ours");
    for versions in [[&rustls::version::TLS13], [&rustls::version::TLS12]] {
        let mut server = Server::mutual(ours.issue(&["localhost"]), &ours).await;
        server.only(&versions, &ours);
        let files = ours.files_with_client(&ours);
        let transport = Arc::new(Transport::tls(&trust(&files), "localhost").unwrap());
        let mut kinds = Vec::new();
        for _ in 0..5 {
            let connecting = {
                let (transport, address) = (Arc::clone(&transport), server.address);
                // A thread with a runtime of its own, as a worker is.
                std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread();
                    let runtime = { runtime }.enable_all().build().unwrap();
                    runtime.block_on(async {
                        let mut stream = transport.connect(address, PATIENCE).await.unwrap();
                        stream.write_all(b"?").await.unwrap();
                        assert_eq!(stream.read_u8().await.unwrap(), b'!');
                    });
                })
            };
            let mut peer = server.accept().await.unwrap();
            assert_eq!(peer.read_u8().await.unwrap(), b'?');
            peer.write_all(b"!").await.unwrap();
            kinds.push(kind(&peer));
            tokio::task::spawn_blocking(|| connecting.join().unwrap())
                .await
                .unwrap();
        }
        assert_eq!(kinds[0], HandshakeKind::Full, "{versions:?}");
        assert_eq!(kinds[1..], [HandshakeKind::Resumed; 4], "{versions:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_refused_also_where_a_session_could_be_resumed() {
    let ours = Authority::new("Ours");
    let soon = in_days(0) + time::Duration::seconds(3);
    let pair = ours.issue_with(&["localhost"], |params| params.not_after = soon);
    let server = Server::start(pair).await;
    let transport = Transport::tls(&ours.trust(), "localhost").unwrap();
    let mut kinds = BTreeSet::new();
    let refused = tokio::time::timeout(PATIENCE, async {
        loop {
            let (connected, accepted) =
                tokio::join!(transport.connect(server.address, PATIENCE), server.accept());
            match connected {
                Ok(mut stream) => {
                    let mut peer = accepted.unwrap();
                    exchange(&mut stream, &mut peer).await;
                    kinds.insert(format!("{:?}", kind(&peer)));
                }
                Err(error) => return error,
            }
        }
    })
    .await
    .unwrap();
    assert_eq!(Refusal::of(&refused).unwrap().reason(), Reason::Expired);
    assert!(kinds.contains("Resumed"), "{kinds:?}");
}

#[tokio::test]
async fn what_is_believed_changes_for_the_next_handshake_and_no_session_outlives_it() {
    let (ours, theirs) = (Authority::new("Ours"), Authority::new("Theirs"));
    let server = Server::start(ours.issue(&["localhost"])).await;
    let trust = ours.trust();
    let transport = Transport::tls(&trust, "localhost").unwrap();
    let (mut stream, mut peer) = server.pair(&transport).await;
    exchange(&mut stream, &mut peer).await;
    let (changed, version) = (changes(), transport.version());

    let same = Belief::read(&ours.files()).unwrap();
    assert!(!trust.replace(Some(same)));
    assert_eq!(transport.version(), version);

    assert!(trust.replace(Some(Belief::read(&theirs.files()).unwrap())));
    assert_ne!(transport.version(), version);
    assert_ne!(changes(), changed);
    let error = server.refusal(&transport).await;
    assert_eq!(Refusal::of(&error).unwrap().reason(), Reason::UnknownCa);
    exchange(&mut stream, &mut peer).await;

    assert!(trust.replace(Some(Belief::read(&ours.files()).unwrap())));
    let (_stream, peer) = server.pair(&transport).await;
    assert_eq!(kind(&peer), HandshakeKind::Full);
}

#[tokio::test]
async fn a_transport_changes_between_plain_and_tls_and_says_so() {
    let ours = Authority::new("Ours");
    let server = Server::start(ours.issue(&["localhost"])).await;
    let (transport, trust) = (Transport::default(), ours.trust());
    let mut versions = vec![transport.version()];
    let (plain, _peer) = tokio::join!(transport.connect(server.address, PATIENCE), server.tcp());
    assert!(matches!(plain.unwrap(), Stream::Plain(_)));
    transport.set_plain();
    assert_eq!(transport.version(), versions[0]);
    for name in ["localhost", "other.example"] {
        transport.set_tls(&trust, name);
        transport.set_tls(&trust, name);
        versions.push(transport.version());
        assert_eq!(transport.to_string(), format!("TLS as {name}"));
    }
    transport.set_plain();
    versions.push(transport.version());
    let different: BTreeSet<_> = versions.iter().collect();
    assert_eq!(different.len(), 4, "{versions:?}");
}

#[tokio::test]
async fn without_a_word_on_trust_the_system_s_authorities_are_believed() {
    let ours = Authority::new("Ours");
    let server = Server::start(ours.issue(&["localhost"])).await;
    let transport = Transport::tls(&Arc::new(Trust::default()), "localhost").unwrap();
    let error = server.refusal(&transport).await;
    let reason = Refusal::of(&error).unwrap().reason();
    assert!(
        matches!(reason, Reason::UnknownCa | Reason::NoAuthority),
        "{error}"
    );
}
