//! Where each limit begins: the last that is read, and the first that is not.

use super::*;
use crate::decoder::{Chunked, Malformed as M};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// How long the body is that is read of these chunks, within the small limits.
fn body_of(chunks: &str) -> Result<usize, M> {
    let text = format!("{CHUNKED}{chunks}");
    decode(SMALL, text.as_bytes(), false).map(|answer| answer.unwrap().body.len())
}

#[test]
fn a_head_without_an_end_may_be_as_long_as_a_head() {
    let head = |length: usize| format!("HTTP/1.1 200 {}", "x".repeat(length - 13));
    let closed = |length| decode(SMALL, head(length).as_bytes(), true);
    assert_eq!(closed(SMALL.head), Err(M::Truncated));
    assert_eq!(closed(SMALL.head + 1), Err(M::HeadTooLarge));
}

#[test]
fn a_line_with_a_size_has_sixteen_digits_and_the_extensions_that_are_left() {
    let line = |extension: usize| format!("{:016x};{}", 1, "e".repeat(extension - 1));
    let whole = |extension| body_of(&format!("{}\r\nx\r\n0\r\n\r\n", line(extension)));
    assert_eq!(whole(SMALL.head), Ok(1));
    assert_eq!(whole(SMALL.head + 1), Err(M::ChunkExtensionsTooLarge));
    // The line end has not come, and there is room for no more than it.
    let begun = |length| {
        let text = format!("{CHUNKED}{}", line(length));
        feed(SMALL, [text.as_bytes()], false)
    };
    assert_eq!(begun(SMALL.head + 2), Ok(None));
    assert_eq!(begun(SMALL.head + 3), Err(M::ChunkExtensionsTooLarge));
}

/// The verdict on two chunks of these sizes, if so many bytes of the first are dropped before the second comes.
fn dropping(first: usize, dropped: usize, second: usize) -> Result<(), M> {
    let mut decoder = Decoder::new(SMALL);
    let chunk = |size: usize| format!("{size:x}\r\n{}\r\n", "x".repeat(size));
    let mut received = BytesMut::from(&*format!("{CHUNKED}{}", chunk(first)));
    assert!(matches!(
        decoder.decode(&mut received, false)?,
        Decoded::NeedMore
    ));
    decoder.drop_body(&mut received, dropped);
    received.extend_from_slice(chunk(second).as_bytes());
    decoder.decode(&mut received, false).map(|_| ())
}

#[test]
fn what_was_dropped_counts_towards_the_limit_of_a_body() {
    for dropped in [0, 4, 10] {
        assert_eq!(dropping(10, dropped, 6), Ok(()), "{dropped}");
        let more = dropping(10, dropped, 7);
        assert_eq!(more, Err(M::BodyTooLarge), "{dropped}");
    }
}

#[test]
fn framing_stays_where_it_is_until_there_is_much_of_it() {
    let limits = Limits::default();
    let (mut chunked, mut received) = (Chunked::new(0), BytesMut::new());
    let mut sent = 0;
    // 19 bytes of framing for each byte of body; the first line of a size stays in front of the body.
    for chunk in 1..=300_usize {
        received.extend_from_slice(b"0000000000000001\r\nx\r\n");
        sent += 21;
        assert_eq!(chunked.advance(&mut received, limits), Ok(None));
        let framing = sent - 18 - chunk;
        let is_moved = received.len() < sent;
        assert_eq!(is_moved, framing >= 4096, "{framing} bytes of framing");
    }
}

#[test]
fn what_was_not_read_is_kept_when_framing_is_taken_out() {
    let limits = Limits::default();
    let text = "0000000000000001;e\r\nx\r\n".repeat(1_000) + "0\r\n\r\nrest";
    for size in [1, 7, 4_000] {
        let (mut chunked, mut received) = (Chunked::new(0), BytesMut::new());
        let mut found = None;
        for piece in text.as_bytes().chunks(size) {
            received.extend_from_slice(piece);
            if found.is_none() {
                found = chunked.advance(&mut received, limits).unwrap();
            }
        }
        let (body, end) = found.unwrap();
        assert_eq!(&received[body], "x".repeat(1_000).as_bytes(), "{size}");
        assert_eq!(&received[end..], b"rest", "{size}");
    }
}
