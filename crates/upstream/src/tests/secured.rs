//! The same over TLS: what crosses a close, what is cut, what is refused, and what shares a connection.

mod rig;

use std::{sync::mpsc, thread};

use futures_util::future::join_all;
use nix::sys::socket::{setsockopt, sockopt::TcpRepair};
use socket2::SockRef;
use switchyard_transport::{Reason as Refused, Refusal};

use super::*;
use rig::{ENDS, End, SecuredSubstation, answer_one, end, read_secured, say_close};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// A kept connection counts as having been idle after this.
const IDLE: Duration = Duration::from_millis(50);

fn clients() -> [(UpstreamClient, usize); 2] {
    let granted = client();
    granted.pool(Id::default()).lock().grant();
    [(client(), 1), (granted, 16)]
}

/// Sends one request while `meanwhile` runs as the substation.
async fn ask<T: Send + 'static>(
    client: &UpstreamClient,
    to: Destination<'_>,
    meanwhile: impl FnOnce() -> T + Send + 'static,
) -> (Result<u16, UpstreamError>, Progress, T) {
    let acting = thread::spawn(meanwhile);
    let sent = charge(client, to, b"{}", Instant::now());
    let (result, progress) = timeout(PATIENCE, sent).await.unwrap();
    (result, progress, acting.join().unwrap())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_request_written_into_a_close_is_sent_again_on_a_new_connection() {
    for how in ENDS {
        for (client, most) in clients() {
            let secured = SecuredSubstation::start();
            let to = secured.to(most);
            let (result, _, (secured, peer)) = ask(&client, to, move || {
                let peer = secured.serve();
                (secured, peer)
            })
            .await;
            assert_eq!(result.unwrap(), 200);
            // The close has reached this end's socket, but the runtime has not polled it yet.
            end(peer, how);
            let (result, progress, _peer) = ask(&client, to, move || secured.serve()).await;
            let case = format!("{how:?}, most {most}");
            assert_eq!((result.unwrap(), progress), (200, Progress::Sent), "{case}");
        }
    }
}

#[tokio::test]
async fn a_request_that_was_read_and_not_answered_counts_as_sent() {
    for how in ENDS {
        for (client, most) in clients() {
            let secured = SecuredSubstation::start();
            let to = secured.to(most);
            let (result, _, (secured, mut peer)) = ask(&client, to, move || {
                let peer = secured.serve();
                (secured, peer)
            })
            .await;
            assert_eq!(result.unwrap(), 200);
            let (result, progress, ()) = ask(&client, to, move || {
                read_secured(&mut peer);
                end(peer, how);
            })
            .await;
            let case = format!("{how:?}, most {most}");
            assert!(
                matches!(result, Err(UpstreamError::Lost(_))),
                "{case}: {result:?}"
            );
            assert_eq!(progress, Progress::Sent, "{case}");
            drop(secured);
        }
    }
}

/// A substation may say that it closes, and go on to read: TLS lets each end close its own direction.
#[tokio::test]
async fn a_request_that_is_read_after_the_word_of_a_close_counts_as_sent() {
    let (client, secured) = (client(), SecuredSubstation::start());
    let to = secured.to(1);
    let (result, _, (secured, mut peer)) = ask(&client, to, move || {
        let peer = secured.serve();
        (secured, peer)
    })
    .await;
    assert_eq!(result.unwrap(), 200);
    say_close(&mut peer);
    let (result, progress, _peer) = ask(&client, to, move || {
        read_secured(&mut peer);
        peer.sock.shutdown(std::net::Shutdown::Both).unwrap();
        peer
    })
    .await;
    assert!(matches!(result, Err(UpstreamError::Lost(_))), "{result:?}");
    assert_eq!(progress, Progress::Sent);
    drop(secured);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn on_a_connection_that_rested_a_reset_proves_what_it_does_without_tls() {
    for is_read in [false, true] {
        for (client, most) in clients() {
            let secured = SecuredSubstation::start();
            let to = secured.to(most);
            let (ended, wait) = mpsc::channel();
            let serving = thread::spawn(move || {
                let mut peer = secured.accept();
                for _ in 0..3 {
                    answer_one(&mut peer);
                }
                if is_read {
                    ended.send(true).unwrap();
                    read_secured(&mut peer);
                    let linger = Some(Duration::ZERO);
                    SockRef::from(&peer.sock).set_linger(linger).unwrap();
                    drop(peer);
                } else {
                    let can_vanish = setsockopt(&peer.sock, TcpRepair, &1).is_ok();
                    drop(peer);
                    ended.send(can_vanish).unwrap();
                    if can_vanish {
                        drop(secured.serve());
                    }
                }
            });
            for _ in 0..3 {
                let (result, _) = charge(&client, to, b"{}", Instant::now()).await;
                assert_eq!(result.unwrap(), 200);
            }
            if !wait.recv().unwrap() {
                eprintln!("not tested: without CAP_NET_ADMIN no connection can vanish");
                return;
            }
            let sent = charge(&client, to, b"{}", Instant::now() + IDLE);
            let (result, progress) = timeout(PATIENCE, sent).await.unwrap();
            serving.join().unwrap();
            let case = format!("read {is_read}, most {most}: {result:?}");
            assert_eq!(progress, Progress::Sent, "{case}");
            match result {
                Ok(status) => assert!(!is_read && status == 200, "{case}"),
                Err(UpstreamError::Lost(_)) => assert!(is_read, "{case}"),
                Err(other) => panic!("{case}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_may_have_been_cut_is_no_answer() {
    for (how, most) in [(End::Said, 1), (End::Unsaid, 1), (End::Unsaid, 16)] {
        for answer in [
            "HTTP/1.1 200 OK\r\n\r\n{\"id\":",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{",
        ] {
            let secured = SecuredSubstation::start();
            let (client, to) = (client(), secured.to(most));
            let (result, progress, ()) = ask(&client, to, move || {
                let mut peer = secured.accept();
                read_secured(&mut peer);
                peer.write_all(answer.as_bytes()).unwrap();
                end(peer, how);
            })
            .await;
            let is_whole = matches!(how, End::Said) && !answer.contains("length");
            assert_eq!(result.is_ok(), is_whole, "{how:?}, {answer:?}: {result:?}");
            assert_eq!(progress, Progress::Sent);
        }
    }
}

#[tokio::test]
async fn a_client_certificate_that_is_refused_sends_no_request_and_ends_at_once() {
    for (client, most) in clients() {
        let secured = SecuredSubstation::with(true);
        let to = secured.to(most);
        let (result, progress, secured) = ask(&client, to, move || {
            let mut peer = secured.accept();
            assert!(peer.read(&mut [0]).is_err());
            let _ = peer.flush();
            // The alert must not be lost in a reset.
            let _ = peer.sock.shutdown(std::net::Shutdown::Write);
            let _ = peer.sock.read_to_end(&mut Vec::new());
            secured
        })
        .await;
        let Err(UpstreamError::Connect(error)) = result else {
            panic!("most {most}: {result:?}");
        };
        let reason = Refusal::of(&error).unwrap().reason();
        assert_eq!(
            (reason, progress),
            (Refused::ClientCertificate, Progress::Unsent)
        );
        secured.substation.listener.set_nonblocking(true).unwrap();
        assert!(
            secured.substation.listener.accept().is_err(),
            "it was tried again"
        );
    }
}

#[tokio::test]
async fn requests_of_one_turn_share_a_connection_and_leave_in_one_record() {
    let [_, (client, most)] = clients();
    let secured = SecuredSubstation::start();
    let to = secured.to(most);
    let serving = thread::spawn(move || {
        let mut peer = secured.accept();
        answer_one(&mut peer);
        let mut records = Vec::new();
        for _ in 0..3 {
            let mut batch = [0; 16 * 1024];
            let read = peer.read(&mut batch).unwrap();
            let requests = batch[..read].windows(4).filter(|four| four == b"POST");
            records.push(requests.count());
            for _ in 0..8 {
                peer.write_all(ANSWER).unwrap();
            }
        }
        records
    });
    assert_eq!(
        charge(&client, to, b"{}", Instant::now()).await.0.unwrap(),
        200
    );
    for _ in 0..3 {
        // A busy machine may have answered late, and may not be in time with all eight.
        client.pool(Id::default()).lock().grant();
        let now = Instant::now();
        let charges = (0..8).map(|_| charge(&client, to, b"{}", now));
        let all = timeout(PATIENCE, join_all(charges)).await.unwrap();
        for (result, progress) in all {
            assert_eq!((result.unwrap(), progress), (200, Progress::Sent));
        }
    }
    assert_eq!(serving.join().unwrap(), [8; 3]);
}

#[tokio::test]
async fn large_requests_and_answers_that_come_before_them_pass() {
    const LARGE: usize = 16 << 20;
    for is_early in [false, true] {
        let secured = SecuredSubstation::start();
        let (client, to) = (client(), secured.to(1));
        let refused = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno";
        let serving = thread::spawn(move || {
            let mut peer = secured.accept();
            let mut left = if is_early { 1 } else { LARGE };
            let mut some = vec![0; 64 * 1024];
            while left > 0 {
                left = left.saturating_sub(peer.read(&mut some).unwrap());
            }
            peer.write_all(refused).unwrap();
            peer.flush().unwrap();
            // What is still to come must not be answered with a reset.
            while !matches!(peer.sock.read(&mut some), Ok(0) | Err(_)) {}
        });
        let body = vec![b'x'; LARGE];
        let sent = charge(&client, to, &body, Instant::now());
        let (result, progress) = timeout(PATIENCE, sent).await.unwrap();
        assert_eq!((result.unwrap(), progress), (413, Progress::Sent));
        drop(client);
        serving.join().unwrap();
    }
}

#[tokio::test]
async fn idle_connections_are_closed_when_the_substation_says_so_and_when_they_are_outdated() {
    let secured = SecuredSubstation::start();
    let (client, to) = (client(), secured.to(1));
    let idle = |client: &UpstreamClient| client.pool(Id::default()).lock().idle();
    let (result, _, (secured, mut peer)) = ask(&client, to, move || {
        let peer = secured.serve();
        (secured, peer)
    })
    .await;
    assert_eq!(result.unwrap(), 200);
    client.sweep(Instant::now());
    client.follow([(Id::default(), 0)]);
    assert_eq!(idle(&client), 1);
    say_close(&mut peer);
    timeout(PATIENCE, async {
        while idle(&client) > 0 {
            tokio::task::yield_now().await;
            client.sweep(Instant::now());
        }
    })
    .await
    .unwrap();

    let (result, _, _peer) = ask(&client, to, move || secured.serve()).await;
    assert_eq!((result.unwrap(), idle(&client)), (200, 1));
    client.follow([(Id::default(), 1)]);
    assert_eq!(idle(&client), 0);
}
