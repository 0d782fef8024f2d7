//! What becomes of calls to something that is no store, or a store that lies.

use std::time::Duration;

use switchyard_faults::RedisServer;
use switchyard_fleet::{ErrorKind, StoreState};
use tokio::{net::TcpListener, time::sleep};

use crate::support::{Kept, TIMEOUT, fake::Fake};

#[tokio::test]
async fn what_accepts_and_says_nothing_is_no_store() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let kept = Kept::hasty(&format!("redis://127.0.0.1:{port}"));
    kept.fails("k").await;
    kept.until_fails_by(ErrorKind::Timeout).await;
    let error = kept.fails("k").await.to_string();
    assert!(error.contains("says nothing"), "{error}");
}

#[tokio::test]
async fn what_closes_with_its_first_answer_ends_no_task() {
    let fake = Fake::closing_after(b"+PONG\r\n").await;
    let kept = Kept::hasty(&fake.store());
    kept.until_fails_by(ErrorKind::Lost).await;
    // It goes on to try.
    let before = fake.connections();
    while fake.connections() < before + 3 {
        kept.fails("k").await;
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(kept.store.state(), StoreState::Down);
}

#[tokio::test]
async fn what_answers_in_another_language_is_no_store() {
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"\0\0\0\x12\x04\0\0\0\0\0\0\0\0\0",
        b"+HELLO\r\n",
        b"$-5\r\n",
        b"*-7\r\n",
        b":1\r\n",
        b"$5\r\nhello\r\n",
        b"\xff\xfe\xfd\xfc\r\n",
        b"*2\r\n*2\r\n*2\r\n:1\r\n:2\r\n:3\r\n:4\r\n",
    ] {
        let fake = Fake::writing(bytes).await;
        let kept = Kept::hasty(&fake.store());
        kept.until_fails_by(ErrorKind::Garbled).await;
        let error = kept.fails("k").await.to_string();
        assert!(
            error.contains("leads to a store, not to something else"),
            "{error}"
        );
        assert_eq!(kept.store.state(), StoreState::Down);
    }
}

#[tokio::test]
async fn what_sends_without_end_takes_no_memory() {
    static BYTES: [u8; 1 << 16] = [b'x'; 1 << 16];
    for first in [
        &b"$1000000000\r\n"[..],
        b"+",
        b"*1000000000\r\n$3\r\nabc\r\n",
    ] {
        let fake = Fake::flooding(first, &BYTES).await;
        let kept = Kept::hasty(&fake.store());
        let before = peak_memory();
        for _ in 0..20 {
            kept.fails("k").await;
            sleep(Duration::from_millis(20)).await;
        }
        let grown = peak_memory().saturating_sub(before);
        assert!(grown < 64 << 20, "{grown} bytes");
        assert_eq!(kept.store.state(), StoreState::Down);
    }
}

#[tokio::test]
async fn an_answer_to_another_call_moves_no_key() {
    // Answers each call with the answer to the call before it, as after a mistake in counting.
    let mut last = b"+PONG\r\n".to_vec();
    let fake = Fake::answering(move |words, number| match words[0].as_str() {
        "PING" if number == 0 => b"+PONG\r\n".to_vec(),
        _ => {
            let asker = words.get(4).cloned().unwrap_or_default();
            let holder = "wrong@127.0.0.1:1";
            let answer = format!(
                "*2\r\n${}\r\n{asker}\r\n${}\r\n{holder}\r\n",
                asker.len(),
                holder.len()
            );
            std::mem::replace(&mut last, answer.into_bytes())
        }
    })
    .await;
    let kept = Kept::hasty(&fake.store());
    for number in 0..50 {
        let error = kept.fails(&number.to_string()).await;
        assert_ne!(error.kind, ErrorKind::Refused, "{error}");
    }
    kept.until_fails_by(ErrorKind::Garbled).await;
}

#[tokio::test]
async fn answers_of_the_wrong_shape_move_no_key() {
    for answer in [
        "+OK\r\n",
        ":1\r\n",
        "$-1\r\n",
        "*0\r\n",
        "*1\r\n$5\r\nhello\r\n",
        "*2\r\n$5\r\nhello\r\n$15\r\nwrong@127.0.0.1\r\n",
        "*2\r\n:1\r\n:1\r\n",
        "*2\r\n$-1\r\n$-1\r\n",
    ] {
        let fake = Fake::answering(move |words, _| match words[0].as_str() {
            "PING" => b"+PONG\r\n".to_vec(),
            _ => answer.as_bytes().to_vec(),
        })
        .await;
        let kept = Kept::hasty(&fake.store());
        kept.until_fails_by(ErrorKind::Garbled).await;
        assert_eq!(kept.store.state(), StoreState::Down);
    }
}

#[tokio::test]
async fn a_node_of_a_cluster_says_that_it_is_one_and_keeps_its_connection() {
    let fake = Fake::answering(|words, _| match words[0].as_str() {
        "PING" => b"+PONG\r\n".to_vec(),
        _ => b"-MOVED 3999 127.0.0.1:6381\r\n".to_vec(),
    })
    .await;
    let kept = Kept::hasty(&fake.store());
    kept.until_fails_by(ErrorKind::Moved).await;
    for _ in 0..20 {
        let error = kept.fails("k").await.to_string();
        assert!(error.contains("a cluster is not supported"), "{error}");
    }
    // Of the process, and of this thread.
    assert!(fake.connections() <= 2, "{}", fake.connections());
}

#[tokio::test]
async fn connections_are_tried_again_but_not_all_the_time() {
    let fake = Fake::writing(b"-DENIED nobody is welcome\r\n").await;
    let kept = Kept::hasty(&fake.store());
    kept.until_fails_by(ErrorKind::Denied).await;
    sleep(Duration::from_secs(3)).await;
    // Two connections, each after 20 ms first and every half second at last.
    let made = fake.connections();
    assert!((8..=40).contains(&made), "{made}");
}

#[tokio::test]
async fn a_socket_that_is_no_socket_is_told() {
    let server = RedisServer::stopped_with(&[]);
    std::fs::write(server.socket(), "").unwrap();
    let kept = Kept::hasty(&server.store());
    sleep(TIMEOUT).await;
    kept.until_fails_by(ErrorKind::Unreachable).await;
}

/// The most memory that this process ever held, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse::<u64>().ok())
        .unwrap_or(0)
        << 10
}
