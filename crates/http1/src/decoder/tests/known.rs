//! With the head of the last answer known, every answer is read as without.

use super::*;
use crate::KnownHead;

/// Reads answers one after another as one connection does, each alone and with what is known of the ones before.
fn compare(answers: &[Vec<u8>], limits: Limits) {
    let mut known = KnownHead::default();
    for answer in answers {
        let (mut decoder, mut received) = (Decoder::new(limits), BytesMut::from(&answer[..]));
        let with = match decoder.decode_known(&mut received, false, Some(&mut known)) {
            Ok(Decoded::Done(answer)) => Ok(Some(answer)),
            Ok(Decoded::NeedMore) => Ok(None),
            Err(error) => Err(error),
        };
        let shown = String::from_utf8_lossy(answer);
        assert_eq!(with, feed(limits, [&answer[..]], false), "{shown:?}");
    }
}

fn answer(status: &str, fields: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{fields}\r\n{body}").into_bytes()
}

#[test]
fn a_head_that_differs_in_anything_is_read_anew() {
    let answers = [
        answer("200 OK", "content-length: 2\r\n", "ok"),
        answer("200 OK", "content-length: 2\r\n", "no"),
        answer("200 OK", "content-length: 3\r\n", "yes"),
        answer("200 OK", "content-length: 2\r\nconnection: close\r\n", "ok"),
        answer("200 OK", "content-length: 2\r\nconnection: x-a\r\n", "ok"),
        answer("503 No", "content-length: 2\r\n", "ok"),
        // The same bytes, and then another header.
        answer("200 OK", "content-length: 2\r\n", "ok"),
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\na: b\r\n\r\nok".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\rok".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n".to_vec(),
        answer(
            "100 Continue",
            "",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        ),
        answer("204 None", "", ""),
        answer("204 None", "content-length: 2\r\n", ""),
        answer(
            "200 OK",
            "transfer-encoding: chunked\r\n",
            "1\r\na\r\n0\r\n\r\n",
        ),
        answer(
            "200 OK",
            "transfer-encoding: chunked\r\n",
            "2\r\nab\r\n0\r\n\r\n",
        ),
        answer(
            "200 OK",
            &format!("a: {}\r\ncontent-length: 1\r\n", "b".repeat(600)),
            "c",
        ),
        // Longer than what is kept, and different only behind that.
        answer(
            "200 OK",
            &format!("a: {}\r\ncontent-length: 2\r\n", "b".repeat(600)),
            "cd",
        ),
    ];
    for first in &answers {
        for second in &answers {
            let order = [first, second, first, first].map(Clone::clone);
            compare(&order, Limits::default());
            compare(&order, SMALL);
        }
    }
}

#[test]
fn the_last_head_is_known_again_and_no_other() {
    let sized = |size: usize, length: usize| {
        let fields = format!("content-length: {size}\r\na: ");
        let rest = length - fields.len() - "HTTP/1.1 200 OK\r\n\r\n\r\n".len();
        let fields = format!("{fields}{}\r\n", "b".repeat(rest));
        answer("200 OK", &fields, &"c".repeat(size))
    };
    let mut known = KnownHead::default();
    let mut read = |answer: &[u8]| {
        let (mut decoder, mut received) = (Decoder::new(Limits::default()), answer.into());
        let read = decoder.decode_known(&mut received, false, Some(&mut known));
        assert!(matches!(read, Ok(Decoded::Done(_))));
        let length = |answer: &[u8]| known.find(answer, 512).map(|head| head.length);
        let [first, second] = [1, 2].map(|size| sized(size, 100));
        [length(answer), length(&first), length(&second)]
    };
    assert_eq!(read(&sized(1, 100)), [Some(100), Some(100), None]);
    assert_eq!(read(&sized(2, 100)), [Some(100), None, Some(100)]);
    assert_eq!(read(&sized(1, 512)), [Some(512), None, None]);
    assert_eq!(read(&sized(1, 513)), [None, None, None], "too long to keep");
}

#[test]
fn a_known_head_is_kept_to_the_limits_of_each_answer() {
    let mut known = KnownHead::default();
    let whole = answer("200 OK", "content-length: 2\r\n", "ok");
    for (limits, is_read) in [
        (Limits::default(), true),
        (Limits { head: 10, body: 2 }, false),
        (Limits { head: 100, body: 1 }, false),
        (Limits { head: 100, body: 2 }, true),
    ] {
        let (mut decoder, mut received) = (Decoder::new(limits), BytesMut::from(&whole[..]));
        let answer = decoder.decode_known(&mut received, false, Some(&mut known));
        assert_eq!(answer.is_ok(), is_read, "{limits:?}");
    }
}

proptest! {
    #[test]
    fn whatever_bytes_change_the_known_head_changes_no_result(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut answers = vec![
            answer("200 OK", "content-type: a/b\r\ncontent-length: 4\r\nconnection: keep-alive\r\n", "abcd"),
        ];
        for (at, byte) in changes {
            let mut changed = answers[0].clone();
            let at = at.index(changed.len());
            changed[at] = byte;
            answers.push(answers[0].clone());
            answers.push(changed);
        }
        compare(&answers, Limits::default());
    }
}
