//! A close that crosses a request, over real sockets. The runtime's one thread is blocked while the substation acts,
//! so events happen in the order written here.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream as Peer},
};

use tokio::time::timeout;

use super::*;

mod answers;
mod idle;
mod judgement;
mod pipelining;
mod resets;
mod secured;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// The substation: a listener that serves one connection after another.
struct Substation {
    listener: TcpListener,
    address: SocketAddr,
}

impl Substation {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    /// Takes one request on a new connection and answers it.
    fn serve(&self) -> Peer {
        let (mut peer, _) = self.listener.accept().unwrap();
        read_request(&mut peer);
        peer.write_all(ANSWER).unwrap();
        peer
    }
}

fn read_request(peer: &mut Peer) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n{}") {
        let mut byte = [0];
        assert_eq!(peer.read(&mut byte).unwrap(), 1);
        request.push(byte[0]);
    }
    String::from_utf8(request).unwrap()
}

/// Sends one request while `meanwhile` runs as the substation.
async fn send<T: Send + 'static>(
    client: &UpstreamClient,
    address: SocketAddr,
    meanwhile: impl FnOnce() -> T + Send + 'static,
) -> (Result<u16, UpstreamError>, Progress, T) {
    let acting = std::thread::spawn(meanwhile);
    let to = destination(address, 1);
    let (result, progress) = charge(client, to, b"{}", Instant::now()).await;
    (result, progress, acting.join().unwrap())
}

fn destination(address: SocketAddr, most: usize) -> Destination<'static> {
    Destination {
        id: Id::default(),
        address,
        transport: Box::leak(Box::default()),
        connect_timeout: Duration::from_secs(5),
        most,
        largest_answer: 64,
        open_as: None,
        shared: Box::leak(Box::default()),
    }
}

/// Sends a charge with this body at `now`; the status of its answer, and how far it came.
async fn charge(
    client: &UpstreamClient,
    to: Destination<'_>,
    body: &[u8],
    now: Instant,
) -> (Result<u16, UpstreamError>, Progress) {
    let line = RequestHead::new("POST", "/charge", "s").unwrap();
    let request_id = HeaderValue::from_static("r");
    let outgoing = Outgoing {
        line: &line,
        head: Head::Raw(b"", &[]),
        request_id: &request_id,
        origin: Origin::default(),
        body,
    };
    let mut progress = Progress::Unsent;
    let result = client.send(to, &outgoing, &mut progress, now).await;
    (result.map(|answer| answer.status), progress)
}

fn client() -> UpstreamClient {
    let client = UpstreamClient::default();
    client.follow([(Id::default(), 0)]);
    client
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_request_written_into_a_close_is_sent_again_on_a_new_connection() {
    let (client, substation) = (client(), Substation::start());
    let address = substation.address;
    let (result, _, (substation, peer)) = send(&client, address, move || {
        let peer = substation.serve();
        (substation, peer)
    })
    .await;
    assert_eq!(result.unwrap(), 200);
    // The close has reached this end's socket, but the runtime has not polled it yet.
    drop(peer);
    let (result, progress, _peer) = send(&client, address, move || substation.serve()).await;
    assert_eq!((result.unwrap(), progress), (200, Progress::Sent));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_request_written_into_a_close_is_unsent_if_the_substation_is_gone() {
    let (client, substation) = (client(), Substation::start());
    let address = substation.address;
    let (_, _, peer) = send(&client, address, move || substation.serve()).await;
    drop(peer);
    let (result, progress, ()) = send(&client, address, || ()).await;
    assert!(
        matches!(result, Err(UpstreamError::Connect(_))),
        "{result:?}"
    );
    assert_eq!(progress, Progress::Unsent);
}

#[tokio::test]
async fn a_request_that_was_read_and_not_answered_counts_as_sent() {
    let (client, substation) = (client(), Substation::start());
    let address = substation.address;
    let (result, _, (substation, mut peer)) = send(&client, address, move || {
        let peer = substation.serve();
        (substation, peer)
    })
    .await;
    assert_eq!(result.unwrap(), 200);
    let (result, progress, ()) = send(&client, address, move || {
        read_request(&mut peer);
        drop(peer);
    })
    .await;
    assert!(matches!(result, Err(UpstreamError::Lost(_))), "{result:?}");
    assert_eq!(progress, Progress::Sent);
    drop(substation);
}

#[tokio::test]
async fn a_request_that_arrived_and_was_not_even_read_counts_as_sent() {
    let (client, substation) = (client(), Substation::start());
    let address = substation.address;
    let (result, progress, ()) = send(&client, address, move || {
        let (peer, _) = substation.listener.accept().unwrap();
        let mut byte = [0];
        while peer.peek(&mut byte).unwrap() == 0 {}
        drop(peer);
    })
    .await;
    assert!(matches!(result, Err(UpstreamError::Lost(_))), "{result:?}");
    assert_eq!(progress, Progress::Sent);
}
