//! Resets on kept connections, over real sockets: what they prove of a request, and what they don't.

use std::{sync::mpsc, thread};

use nix::sys::socket::{setsockopt, sockopt::TcpRepair};
use socket2::SockRef;

use super::*;

/// A kept connection counts as having been idle after this.
const IDLE: Duration = Duration::from_millis(50);
const ROUNDS: usize = 20;
/// Requests that are answered before the connection breaks: then each end waits with its acknowledgements for data to
/// send them with.
const WARM: usize = 3;

/// How the substation ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Without a word, before the next request: what then arrives is answered with a reset.
    Vanishes,
    /// With a reset, once it has read the next request.
    ReadsAndResets,
    /// With a reset, once it has read the next request but for its last byte.
    ReadsMostAndResets,
}

/// Sends a request, on a connection that was idle for `idle`.
async fn ask(
    client: &UpstreamClient,
    to: Destination<'_>,
    idle: Duration,
) -> (Result<u16, UpstreamError>, Progress) {
    charge(client, to, b"{}", Instant::now() + idle).await
}

fn reset(peer: Peer) {
    SockRef::from(&peer)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(peer);
}

/// Answers `WARM` requests on a first connection, ends it in that way, and then answers one request more on another.
/// Returns what became of the request that met the end, or `None` where no connection can be made to vanish.
async fn after(
    end: End,
    client: UpstreamClient,
    most: usize,
    idle: Duration,
) -> Option<(Result<u16, UpstreamError>, Progress)> {
    let substation = Substation::start();
    let to = destination(substation.address, most);
    let (ended, wait) = mpsc::channel();
    let serving = thread::spawn(move || {
        let (mut peer, _) = substation.listener.accept().unwrap();
        for _ in 0..WARM {
            read_request(&mut peer);
            peer.write_all(ANSWER).unwrap();
        }
        match end {
            End::Vanishes => {
                let can_vanish = setsockopt(&peer, TcpRepair, &1).is_ok();
                drop(peer);
                ended.send(can_vanish).unwrap();
            }
            End::ReadsAndResets => {
                ended.send(true).unwrap();
                read_request(&mut peer);
                reset(peer);
            }
            End::ReadsMostAndResets => {
                ended.send(true).unwrap();
                let mut byte = [0];
                while byte != *b"{" {
                    assert_eq!(peer.read(&mut byte).unwrap(), 1);
                }
                reset(peer);
            }
        }
        if end == End::Vanishes {
            substation.serve();
        }
    });
    for _ in 0..WARM {
        assert_eq!(ask(&client, to, Duration::ZERO).await.0.unwrap(), 200);
    }
    if !wait.recv().unwrap() {
        eprintln!("not tested: without CAP_NET_ADMIN no connection can vanish");
        return None;
    }
    let result = ask(&client, to, idle).await;
    // A request that was not sent again leaves the substation waiting.
    if end != End::Vanishes || result.0.is_ok() {
        serving.join().unwrap();
    }
    Some(result)
}

fn granted() -> UpstreamClient {
    let client = client();
    client.pool(Id::default()).lock().grant();
    client
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_request_on_a_connection_that_vanished_is_sent_again() {
    for round in 0..ROUNDS {
        for (client, most) in [(client(), 1), (granted(), 16)] {
            let Some((result, progress)) = after(End::Vanishes, client, most, IDLE).await else {
                return;
            };
            assert_eq!(result.unwrap(), 200, "round {round}, most {most}");
            assert_eq!(progress, Progress::Sent);
        }
    }
}

#[tokio::test]
async fn a_request_that_was_read_before_a_reset_counts_as_sent() {
    for round in 0..ROUNDS {
        for idle in [Duration::ZERO, IDLE] {
            for (client, most) in [(client(), 1), (granted(), 16)] {
                let ended = after(End::ReadsAndResets, client, most, idle).await;
                let (result, progress) = ended.unwrap();
                let case = format!("round {round}, most {most}, idle {idle:?}");
                assert!(
                    matches!(result, Err(UpstreamError::Lost(_))),
                    "{case}: {result:?}"
                );
                assert_eq!(progress, Progress::Sent, "{case}");
            }
        }
    }
}

#[tokio::test]
async fn on_a_busy_connection_a_reset_proves_nothing() {
    for (client, most) in [(client(), 1), (granted(), 16)] {
        let ended = after(End::ReadsMostAndResets, client, most, Duration::ZERO).await;
        let (result, progress) = ended.unwrap();
        assert!(matches!(result, Err(UpstreamError::Lost(_))), "{result:?}");
        assert_eq!(progress, Progress::Sent);
    }
}
