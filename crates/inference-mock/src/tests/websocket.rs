//! The echo, by the bytes of RFC 6455.

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::realtime::{LARGEST, accept, echo};

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![opcode];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..65536 => {
            frame.push(0xfe);
            frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(0xff);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// What comes back for these bytes, until the end.
async fn echoed(sent: &[u8]) -> (Vec<u8>, bool) {
    let (mut client, theirs) = duplex(1 << 20);
    let ended = tokio::spawn(echo(theirs));
    client.write_all(sent).await.unwrap();
    client.shutdown().await.unwrap();
    let mut found = Vec::new();
    client.read_to_end(&mut found).await.unwrap();
    (found, ended.await.unwrap().is_ok())
}

#[test]
fn the_key_is_answered_as_the_standards_example_has_it() {
    assert_eq!(
        accept(b"dGhlIHNhbXBsZSBub25jZQ=="),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
}

#[tokio::test]
async fn messages_of_every_length_come_back_without_a_mask() {
    for (length, head) in [
        (0, vec![0x81, 0]),
        (125, vec![0x81, 125]),
        (126, vec![0x81, 126, 0, 126]),
        (65535, vec![0x81, 126, 0xff, 0xff]),
        (65536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let payload = vec![b'x'; length];
        let expected = [head.as_slice(), &payload].concat();
        assert_eq!(
            echoed(&masked(0x81, &payload)).await,
            (expected, true),
            "{length}"
        );
    }
}

#[tokio::test]
async fn a_ping_comes_back_as_a_pong_and_a_close_ends_it() {
    let sent = [
        masked(0x89, b"hi"),
        masked(0x88, &[3, 232]),
        masked(0x81, b"late"),
    ]
    .concat();
    assert_eq!(
        echoed(&sent).await,
        (vec![0x8a, 2, b'h', b'i', 0x88, 2, 3, 232], true)
    );
}

#[tokio::test]
async fn what_no_client_may_send_ends_it() {
    assert_eq!(
        echoed(&[0x81, 2, b'h', b'i']).await,
        (vec![], false),
        "without a mask"
    );
    let (found, ended_well) = echoed(&masked(0x81, &vec![0; LARGEST + 1])).await;
    assert_eq!((found.len(), ended_well), (0, false), "too large");
}
