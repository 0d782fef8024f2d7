//! What a connection says of itself after its handshake.

use std::io::ErrorKind;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::server::{Authority, PATIENCE, Server};
use crate::{Stream, Transport};

async fn server(tickets: usize) -> (Server, Transport) {
    let ours = Authority::new("Ours");
    let mut server = Server::start(ours.issue(&["localhost"])).await;
    server.config.send_tls13_tickets = tickets;
    let transport = Transport::tls(&ours.trust(), "localhost").unwrap();
    (server, transport)
}

/// Waits until the socket has something to read.
async fn readable(stream: &Stream) {
    timeout(PATIENCE, stream.tcp().readable())
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn tickets_that_come_to_an_idle_connection_are_no_answer_and_no_end() {
    let (server, transport) = server(3).await;
    let (mut stream, mut peer) = server.pair(&transport).await;
    readable(&stream).await;
    assert!(stream.is_open());
    assert!(stream.is_open());
    peer.write_all(b"!").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'!');
    assert!(stream.is_open());
}

#[tokio::test]
async fn bytes_that_nobody_asked_for_and_every_end_are_noticed_without_a_read() {
    let (server, transport) = server(0).await;
    let (mut stream, mut peer) = server.pair(&transport).await;
    assert!(stream.is_open());
    peer.write_all(b"!").await.unwrap();
    readable(&stream).await;
    assert!(!stream.is_open());

    // With a word of TLS, and without.
    let (mut stream, mut peer) = server.pair(&transport).await;
    peer.shutdown().await.unwrap();
    readable(&stream).await;
    assert!(!stream.is_open());
    assert!(!stream.is_open());
    let (mut stream, peer) = server.pair(&transport).await;
    drop(peer.into_inner());
    readable(&stream).await;
    assert!(!stream.is_open());
}

#[tokio::test]
async fn an_end_without_a_word_of_tls_is_an_error() {
    let (server, transport) = server(2).await;
    let (mut stream, mut peer) = server.pair(&transport).await;
    peer.write_all(b"!").await.unwrap();
    peer.flush().await.unwrap();
    drop(peer);
    let mut all = Vec::new();
    let error = stream.read_to_end(&mut all).await.unwrap_err();
    assert_eq!(
        (error.kind(), all.as_slice()),
        (ErrorKind::UnexpectedEof, &b"!"[..])
    );

    let (mut stream, mut peer) = server.pair(&transport).await;
    peer.write_all(b"!").await.unwrap();
    peer.shutdown().await.unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"!");
}

#[tokio::test]
async fn what_the_socket_does_not_take_leaves_with_the_next_flush_and_is_not_cut() {
    const LARGE: usize = 8 << 20;
    let (server, transport) = server(2).await;
    let (mut stream, mut peer) = server.pair(&transport).await;
    let sent: Vec<u8> = (0..=250).cycle().take(LARGE).collect();
    let mut left = sent.as_slice();
    while stream.is_flushed() {
        let written = stream.write(left).await.unwrap();
        left = &left[written..];
    }
    assert!(!left.is_empty(), "the socket took all");
    let mut received = vec![0; LARGE];
    let (written, read) = tokio::join!(
        async {
            stream.write_all(left).await?;
            stream.flush().await
        },
        peer.read_exact(&mut received)
    );
    written.unwrap();
    read.unwrap();
    assert!(stream.is_flushed());
    assert!(received == sent);
}

#[tokio::test]
async fn several_records_are_read_at_once_and_what_is_left_is_told_of() {
    let (server, transport) = server(0).await;
    let (mut stream, mut peer) = server.pair(&transport).await;
    for _ in 0..10 {
        peer.write_all(b"0123456789").await.unwrap();
    }
    peer.flush().await.unwrap();
    let mut some = [0; 15];
    stream.read_exact(&mut some).await.unwrap();
    assert_eq!(&some, b"012345678901234");
    let mut all = [0; 85];
    let mut have = 0;
    while have < 85 {
        have += stream.read(&mut all[have..]).await.unwrap();
        assert!(!is_ready(&stream) || have < 85, "{have}");
    }
}

fn is_ready(stream: &Stream) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    stream.poll_read_ready(&mut context).is_ready()
}

#[tokio::test]
async fn places_are_those_of_the_wire() {
    let (server, transport) = server(2).await;
    let (mut stream, mut peer) = server.pair(&transport).await;
    assert_eq!(stream.place(0), None);
    let (mut written, mut places) = (0, Vec::new());
    for length in [1, 100, 20_000] {
        stream.write_all(&vec![b'x'; length]).await.unwrap();
        stream.flush().await.unwrap();
        peer.read_exact(&mut vec![0; length]).await.unwrap();
        places.push(stream.place(written).unwrap());
        written += length as u64;
    }
    // A record has a head of 5 bytes, and 17 more at its end.
    assert_eq!(places[1] - places[0], 1 + 22);
    assert_eq!(places[2] - places[1], 100 + 22);
    #[cfg(target_os = "linux")]
    assert!(places[0] > 100, "the handshake was sent before: {places:?}");
}

#[tokio::test]
async fn a_connection_that_is_dropped_says_so() {
    let (server, transport) = server(0).await;
    let (stream, mut peer) = server.pair(&transport).await;
    drop(stream);
    // Without that word, the read would fail.
    assert_eq!(peer.read(&mut [0]).await.unwrap(), 0);
}
