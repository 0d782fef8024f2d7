//! Answers that are too large, or come before the whole request is written.

use std::thread;

use super::*;

/// More than both ends' sockets hold.
const LARGE: usize = 16 << 20;

async fn ask(
    client: &UpstreamClient,
    to: Destination<'_>,
    body: &[u8],
) -> Result<u16, UpstreamError> {
    let sent = charge(client, to, body, Instant::now());
    let (result, progress) = timeout(Duration::from_secs(20), sent).await.unwrap();
    assert_eq!(progress, Progress::Sent);
    result
}

#[tokio::test]
async fn an_answer_over_the_limit_is_told_from_a_lost_one() {
    for (most, client) in [(1, client()), (16, client())] {
        if most > 1 {
            client.pool(Id::default()).lock().grant();
        }
        let substation = Substation::start();
        let to = destination(substation.address, most);
        let largest = to.largest_answer;
        let serving = thread::spawn(move || {
            for length in [largest + 1, largest] {
                let (mut peer, _) = substation.listener.accept().unwrap();
                read_request(&mut peer);
                let body = "x".repeat(length);
                write!(
                    peer,
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"
                )
                .unwrap();
            }
        });
        let result = ask(&client, to, b"{}").await;
        assert!(
            matches!(
                result,
                Err(UpstreamError::TooLarge(Malformed::BodyTooLarge))
            ),
            "most {most}: {result:?}"
        );
        assert_eq!(ask(&client, to, b"{}").await.unwrap(), 200);
        serving.join().unwrap();
    }
}

#[tokio::test]
async fn an_answer_before_the_whole_request_is_written_is_taken() {
    let (client, substation) = (client(), Substation::start());
    let to = destination(substation.address, 1);
    let refused = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno";
    let serving = thread::spawn(move || {
        for is_read_on in [false, true] {
            let (mut peer, _) = substation.listener.accept().unwrap();
            let mut head = [0; 16];
            peer.read_exact(&mut head).unwrap();
            peer.write_all(refused).unwrap();
            if is_read_on {
                // The client ends the connection, since it sends the rest no more.
                let mut rest = vec![0; 64 << 10];
                let mut read = 0;
                while let Ok(bytes @ 1..) = peer.read(&mut rest) {
                    read += bytes;
                }
                assert!(read < LARGE);
            }
            drop(peer);
        }
    });
    let body = vec![b' '; LARGE];
    for _ in 0..2 {
        assert_eq!(ask(&client, to, &body).await.unwrap(), 413);
    }
    // Not in this thread, which may still have to close what is read to its end there.
    let ended = tokio::task::spawn_blocking(move || serving.join());
    ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_large_request_is_written_to_its_end() {
    let (client, substation) = (client(), Substation::start());
    let to = destination(substation.address, 1);
    let serving = thread::spawn(move || {
        let (mut peer, _) = substation.listener.accept().unwrap();
        for _ in 0..2 {
            let mut rest = LARGE;
            let mut chunk = vec![0; 64 << 10];
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                peer.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            while rest > 0 {
                rest -= peer.read(&mut chunk).unwrap();
            }
            peer.write_all(ANSWER).unwrap();
        }
    });
    let body = vec![b' '; LARGE];
    for _ in 0..2 {
        assert_eq!(ask(&client, to, &body).await.unwrap(), 200);
    }
    serving.join().unwrap();
}
