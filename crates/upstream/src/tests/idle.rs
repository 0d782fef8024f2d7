//! Idle connections, over real sockets: what is closed or no longer needed is given back without a request.

use std::thread;

use super::*;

/// How many connections are made at once.
const MANY: usize = 20;

/// Makes `MANY` connections that are idle. Returns the substation's ends.
async fn idle_connections(client: &UpstreamClient, substation: Substation) -> Vec<Peer> {
    let to = destination(substation.address, 1);
    let serving = thread::spawn(move || {
        let accept = |_| substation.listener.accept().unwrap().0;
        let mut peers: Vec<_> = (0..MANY).map(accept).collect();
        for peer in &mut peers {
            read_request(peer);
            peer.write_all(ANSWER).unwrap();
        }
        peers
    });
    let charges = (0..MANY).map(|_| charge(client, to, b"{}", Instant::now()));
    for (result, _) in futures_util::future::join_all(charges).await {
        assert_eq!(result.unwrap(), 200);
    }
    let peers = serving.join().unwrap();
    assert_eq!(idle(client), MANY);
    peers
}

fn idle(client: &UpstreamClient) -> usize {
    client.pool(Id::default()).lock().idle()
}

/// Whether this end's connection has been closed by the client.
fn is_closed(peer: &mut Peer) -> bool {
    peer.set_nonblocking(true).unwrap();
    matches!(peer.read(&mut [0]), Ok(0))
}

#[tokio::test]
async fn what_the_substation_has_closed_is_closed_without_a_request() {
    let client = client();
    let mut peers = idle_connections(&client, Substation::start()).await;
    client.sweep(Instant::now());
    assert_eq!(idle(&client), MANY, "nothing is closed that is in order");
    peers.truncate(MANY / 4);
    timeout(Duration::from_secs(20), async {
        while idle(&client) > MANY / 4 {
            tokio::task::yield_now().await;
            client.sweep(Instant::now());
        }
    })
    .await
    .unwrap();
    assert!(!peers.iter_mut().any(is_closed));
}

#[tokio::test]
async fn what_is_idle_for_too_long_is_closed_without_a_request() {
    let client = client();
    let mut peers = idle_connections(&client, Substation::start()).await;
    client.sweep(Instant::now() + pool::LONGEST_IDLE);
    assert_eq!(idle(&client), 0);
    assert!(peers.iter_mut().all(is_closed));
}

#[tokio::test]
async fn connections_to_a_substation_that_is_no_longer_listed_are_closed() {
    let client = client();
    let mut peers = idle_connections(&client, Substation::start()).await;
    client.follow([(Id(7), 0)]);
    assert!(peers.iter_mut().all(is_closed));
}

#[tokio::test]
async fn a_large_answer_leaves_no_large_buffer() {
    const LARGE: usize = 1 << 20;
    let (client, substation) = (client(), Substation::start());
    let to = Destination {
        largest_answer: LARGE,
        ..destination(substation.address, 1)
    };
    let serving = thread::spawn(move || {
        let (mut peer, _) = substation.listener.accept().unwrap();
        read_request(&mut peer);
        let body = "x".repeat(LARGE);
        write!(
            peer,
            "HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n{body}"
        )
        .unwrap();
        peer
    });
    let (result, _) = charge(&client, to, b"{}", Instant::now()).await;
    assert_eq!(result.unwrap(), 200);
    let _peer = serving.join().unwrap();
    let pool = client.pool(Id::default());
    assert_eq!(idle(&client), 1);
    assert!(!pool.lock().holds_large_buffers());
}
