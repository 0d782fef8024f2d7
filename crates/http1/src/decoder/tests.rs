//! Tables of answers by framing and by refusal. Every answer is also decoded with every cut.

use super::{Answer, Decoded, Decoder, Limits, Malformed};
use bytes::BytesMut;
use proptest::prelude::*;

mod bounds;
mod framings;
mod known;
mod refusals;
mod while_it_comes;

const SMALL: Limits = Limits {
    head: 128,
    body: 16,
};

type Outcome = Result<Option<Answer>, Malformed>;

/// Gives the decoder the pieces one by one until it decides, then the end of the connection if `eof`.
fn feed<'a>(limits: Limits, pieces: impl IntoIterator<Item = &'a [u8]>, eof: bool) -> Outcome {
    let (mut decoder, mut received) = (Decoder::new(limits), BytesMut::new());
    for piece in pieces {
        received.extend_from_slice(piece);
        if let Decoded::Done(answer) = decoder.decode(&mut received, false)? {
            return Ok(Some(answer));
        }
    }
    Ok(match decoder.decode(&mut received, eof)? {
        Decoded::Done(answer) => Some(answer),
        Decoded::NeedMore => None,
    })
}

/// The outcome, after checking that no cut changes it.
fn decode(limits: Limits, bytes: &[u8], eof: bool) -> Outcome {
    let whole = feed(limits, [bytes], eof);
    // Bytes after an answer are noticed only if they come in the same read.
    let known = |outcome: &Outcome| {
        outcome.clone().map(|answer| {
            answer.map(|answer| (answer.status, answer.head, answer.body, answer.keep_alive))
        })
    };
    for at in 0..=bytes.len() {
        let cut = feed(limits, [&bytes[..at], &bytes[at..]], eof);
        assert_eq!(
            known(&cut),
            known(&whole),
            "cut at {at}: {:?}",
            String::from_utf8_lossy(bytes)
        );
    }
    assert_eq!(known(&feed(limits, bytes.chunks(1), eof)), known(&whole));
    whole
}

/// The outcome for a reader that takes the body as it comes: after each piece the next of `counts` bytes.
fn feed_taking(limits: Limits, pieces: &[&[u8]], counts: &[usize], eof: bool) -> Outcome {
    let (mut decoder, mut received) = (Decoder::new(limits), BytesMut::new());
    let mut taken = Vec::new();
    let pieces = pieces.iter().map(|piece| (*piece, false));
    for ((piece, eof), count) in pieces.chain([(&b""[..], eof)]).zip(counts.iter().cycle()) {
        received.extend_from_slice(piece);
        if let Decoded::Done(mut answer) = decoder.decode(&mut received, eof)? {
            taken.extend_from_slice(&answer.body);
            answer.body = taken.into();
            return Ok(Some(answer));
        }
        let body = decoder.body_so_far(&received);
        let count = body.len().min(*count);
        taken.extend_from_slice(&body[..count]);
        decoder.drop_body(&mut received, count);
    }
    Ok(None)
}

fn answer(text: &str) -> Answer {
    decode(Limits::default(), text.as_bytes(), false)
        .unwrap()
        .unwrap()
}

/// The answer to a connection that is closed behind it.
fn last_answer(text: &str) -> Answer {
    decode(Limits::default(), text.as_bytes(), true)
        .unwrap()
        .unwrap()
}

#[test]
fn without_framing_the_body_ends_with_the_connection() {
    for head in [
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n\r\n",
    ] {
        for body in ["", "some\r\n\r\nbody"] {
            let text = format!("{head}{body}");
            assert_eq!(decode(Limits::default(), text.as_bytes(), false), Ok(None));
            let read = last_answer(&text);
            assert_eq!(
                (&read.body[..], read.keep_alive, read.reusable),
                (body.as_bytes(), false, false)
            );
        }
    }
}

#[test]
fn the_decoder_keeps_to_its_limits() {
    let read =
        |text: &str| decode(SMALL, text.as_bytes(), true).map(|answer| answer.unwrap().body.len());
    let ok = "HTTP/1.1 200 OK\r\n";
    let head = |length: usize| format!("{ok}a: {}\r\n\r\n", "b".repeat(length - ok.len() - 7));
    assert_eq!(head(128).len(), 128);
    assert_eq!(read(&head(128)), Ok(0));
    assert_eq!(read(&head(129)), Err(Malformed::HeadTooLarge));
    assert_eq!(
        read(&format!("HTTP/1.1 200 {}", "x".repeat(200))),
        Err(Malformed::HeadTooLarge)
    );
    // Each head is limited separately.
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    assert_eq!(read(&format!("{}{}", interim.repeat(8), head(128))), Ok(0));
    assert_eq!(
        read(&format!("{}{}", interim.repeat(9), head(128))),
        Err(Malformed::TooManyInterim)
    );

    let body = "x".repeat(17);
    assert_eq!(
        read(&format!("{ok}content-length: 16\r\n\r\n{}", &body[1..])),
        Ok(16)
    );
    assert_eq!(
        read(&format!("{ok}content-length: 17\r\n\r\n{body}")),
        Err(Malformed::BodyTooLarge)
    );
    assert_eq!(read(&format!("{ok}\r\n{}", &body[1..])), Ok(16));
    assert_eq!(
        read(&format!("{ok}\r\n{body}")),
        Err(Malformed::BodyTooLarge)
    );

    let chunked = format!("{ok}transfer-encoding: chunked\r\n\r\n");
    assert_eq!(
        read(&format!(
            "{chunked}F\r\n{}\r\n1\r\nx\r\n0\r\n\r\n",
            &body[2..]
        )),
        Ok(16)
    );
    assert_eq!(
        read(&format!("{chunked}f\r\n{}\r\n2\r\n", &body[2..])),
        Err(Malformed::BodyTooLarge)
    );
    let extension = "e".repeat(60);
    assert_eq!(
        read(&format!(
            "{chunked}1;{extension}\r\nx\r\n0;{extension}\r\n\r\n"
        )),
        Ok(1)
    );
    assert_eq!(
        read(&format!(
            "{chunked}1;{extension}\r\nx\r\n1;{extension}\r\nx\r\n0;{extension}\r\n\r\n"
        )),
        Err(Malformed::ChunkExtensionsTooLarge)
    );
    assert_eq!(
        read(&format!("{chunked}1;{}", extension.repeat(3))),
        Err(Malformed::ChunkExtensionsTooLarge)
    );
    assert_eq!(
        read(&format!("{chunked}0\r\na: {}\r\n\r\n", "b".repeat(121))),
        Ok(0)
    );
    assert_eq!(
        read(&format!("{chunked}0\r\na: {}\r\n\r\n", "b".repeat(122))),
        Err(Malformed::TrailersTooLarge)
    );

    let many = |count| {
        answer_to(&format!(
            "{ok}{}content-length: 0\r\n\r\n",
            "a: b\r\n".repeat(count)
        ))
    };
    assert!(many(63).is_ok());
    assert_eq!(many(64), Err(Malformed::TooManyHeaders));
}

fn answer_to(text: &str) -> Outcome {
    feed(Limits::default(), [text.as_bytes()], false)
}

#[test]
fn headers_are_read_in_order_and_found_in_any_case() {
    let read = answer(
        "HTTP/1.1 200 a: b\r\nX-A:1\r\nX-Empty:\r\nx-b: \t two: words \t\r\nx-a: 3\r\nx-\u{7c}: \u{e9}\r\ncontent-length: 0\r\n\r\n",
    );
    let headers: Vec<_> = read.headers().collect();
    let expected: Vec<(&[u8], &[u8])> = vec![
        (b"X-A", b"1"),
        (b"X-Empty", b""),
        (b"x-b", b"two: words"),
        (b"x-a", b"3"),
        (b"x-|", "\u{e9}".as_bytes()),
        (b"content-length", b"0"),
    ];
    assert_eq!(headers, expected);
    assert_eq!(read.header("x-A"), Some(&b"1"[..]));
    assert_eq!(read.header("X-EMPTY"), Some(&b""[..]));
    assert_eq!(read.header("a"), None);
}

#[test]
fn answers_in_one_buffer_are_read_one_after_the_other() {
    let mut received = BytesMut::from(
        "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n",
    );
    let mut decoder = Decoder::new(Limits::default());
    let mut next = || match decoder.decode(&mut received, false) {
        Ok(Decoded::Done(answer)) => Some((answer.body, answer.keep_alive, answer.reusable)),
        other => panic!("{other:?}"),
    };
    assert_eq!(next(), Some(("a".into(), true, false)));
    assert_eq!(next(), Some(("bc".into(), true, true)));
    assert!(received.is_empty());
}

#[test]
fn a_decoder_that_was_reset_starts_anew() {
    let mut decoder = Decoder::new(Limits::default());
    let mut received =
        BytesMut::from("HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
    assert!(matches!(
        decoder.decode(&mut received, false),
        Ok(Decoded::NeedMore)
    ));
    decoder.reset();
    received.clear();
    assert_eq!(
        decoder.decode(&mut received, true).unwrap_err(),
        Malformed::NoAnswer
    );
}

#[test]
fn head_and_body_are_not_copied() {
    for text in [
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4;x\r\nbody\r\n0\r\n\r\n",
    ] {
        let mut received = BytesMut::from(text);
        let lies = received.as_ptr() as usize;
        let Ok(Decoded::Done(answer)) =
            Decoder::new(Limits::default()).decode(&mut received, false)
        else {
            panic!("not done")
        };
        assert_eq!(answer.head.as_ptr() as usize, lies);
        assert_eq!(
            answer.body.as_ptr() as usize,
            lies + text.find("body").unwrap()
        );
    }
}

/// Pieces of answers, so that random sequences of them come close to valid answers.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        Just("HTTP/1.1 200 OK\r\n"),
        Just("HTTP/1.0 204 X\r\n"),
        Just("HTTP/1.1 100 C\r\n\r\n"),
        Just("content-length: "),
        Just("transfer-encoding: chunked\r\n"),
        Just("connection: close\r\n"),
        Just("\r\n"),
        Just("\r\n\r\n"),
        Just("\n"),
        Just("\r"),
        Just("0\r\n"),
        Just("3\r\nabc\r\n"),
        Just("2;x"),
        Just("12"),
        Just(" "),
        Just("a: b\r\n"),
    ];
    prop_oneof![8 => text.prop_map(|text| text.as_bytes().to_vec()), 1 => any::<Vec<u8>>()]
}

proptest! {
    #[test]
    fn a_body_survives_any_chunking(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        cuts in proptest::collection::vec((1_usize..40, "(;[a-z]{0,3})?"), 1..8),
        trailer in "(a: [a-z]{0,3}\r\n)?",
        reads in proptest::collection::vec(1_usize..30, 1..20),
    ) {
        let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        let mut rest = &body[..];
        for (length, extension) in cuts.iter().cycle() {
            let (chunk, behind) = rest.split_at(rest.len().min(*length));
            bytes.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            rest = behind;
            if chunk.is_empty() {
                break;
            }
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(trailer.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        for length in reads.iter().cycle().take(bytes.len()) {
            let (piece, behind) = rest.split_at(rest.len().min(*length));
            pieces.push(piece);
            rest = behind;
        }
        let taken = feed_taking(Limits::default(), &pieces, &reads, false);
        let read = feed(Limits::default(), pieces, false).unwrap().unwrap();
        prop_assert_eq!(&read.body[..], &body[..]);
        prop_assert!(read.reusable);
        prop_assert_eq!(taken.unwrap().unwrap(), read);
    }

    #[test]
    fn a_body_that_is_taken_as_it_comes_gets_the_same_verdict(
        pieces in proptest::collection::vec(piece(), 0..12),
        counts in proptest::collection::vec(0_usize..20, 1..6),
        framing in prop_oneof![
            Just(""),
            Just("HTTP/1.1 200 OK\r\n"),
            Just("HTTP/1.1 200 OK\r\n\r\n"),
            Just("HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n"),
            Just("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        ],
        eof: bool,
    ) {
        let bytes = [framing.as_bytes(), &pieces.concat()[..]].concat();
        for size in [1, 3, 20] {
            let pieces: Vec<_> = bytes.chunks(size).collect();
            let taken = feed_taking(SMALL, &pieces, &counts, eof);
            prop_assert_eq!(taken, feed(SMALL, pieces, eof));
        }
    }

    #[test]
    fn no_cut_changes_the_verdict(
        pieces in proptest::collection::vec(piece(), 0..12),
        eof: bool,
        small: bool,
    ) {
        let limits = if small { SMALL } else { Limits::default() };
        let _ = decode(limits, &[b"HTTP/1.1 200 OK\r\n", &pieces.concat()[..]].concat(), eof);
        let _ = decode(limits, &pieces.concat(), eof);
    }
}
