//! No bytes make the decoder panic, and its verdict does not depend on how they are cut into reads, on whether the body is
//! taken as it comes, nor on what is known of the answer before. On a connection of pipelined requests, the answers that
//! follow each other are the same ones that they are apart.

#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use switchyard_http1::{Answer, Decoded, Decoder, KnownHead, Limits, Malformed};

// Small, so that a fuzzer's inputs get past them.
const LIMITS: Limits = Limits {
    head: 256,
    body: 64,
};

/// The answer, and the bytes left after it.
type Outcome = Result<Option<(Answer, Bytes)>, Malformed>;

fn feed<'a>(pieces: impl Iterator<Item = &'a [u8]>, eof: bool) -> Outcome {
    let (mut decoder, mut received) = (Decoder::new(LIMITS), BytesMut::new());
    let last: &[&[u8]] = if eof { &[b""] } else { &[] };
    let pieces = pieces
        .map(|piece| (piece, false))
        .chain(last.iter().map(|piece| (*piece, true)));
    for (piece, eof) in pieces {
        received.extend_from_slice(piece);
        if let Decoded::Done(answer) = decoder.decode(&mut received, eof)? {
            return Ok(Some((answer, received.freeze())));
        }
    }
    Ok(None)
}

/// The outcome for a reader that takes the body as it comes, `count` bytes after each piece.
fn feed_taking<'a>(pieces: impl Iterator<Item = &'a [u8]>, count: usize, eof: bool) -> Outcome {
    let (mut decoder, mut received) = (Decoder::new(LIMITS), BytesMut::new());
    let mut taken = Vec::new();
    let last: &[&[u8]] = if eof { &[b""] } else { &[] };
    let pieces = pieces
        .map(|piece| (piece, false))
        .chain(last.iter().map(|piece| (*piece, true)));
    for (piece, eof) in pieces {
        received.extend_from_slice(piece);
        if let Decoded::Done(mut answer) = decoder.decode(&mut received, eof)? {
            taken.extend_from_slice(&answer.body);
            answer.body = taken.into();
            return Ok(Some((answer, received.freeze())));
        }
        let body = decoder.body_so_far(&received);
        let count = count.min(body.len());
        taken.extend_from_slice(&body[..count]);
        decoder.drop_body(&mut received, count);
    }
    Ok(None)
}

/// The answers of a connection that are read one after another, as far as the connection goes on, and the fault that ends
/// it. `is_known` reads each with the head of the last.
fn pipeline<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    is_known: bool,
) -> (Vec<Answer>, Option<Malformed>) {
    let (mut decoder, mut received) = (Decoder::new(LIMITS), BytesMut::new());
    let mut known = KnownHead::default();
    let mut answers = Vec::new();
    for piece in pieces {
        received.extend_from_slice(piece);
        while !received.is_empty() {
            let known = is_known.then_some(&mut known);
            match decoder.decode_known(&mut received, false, known) {
                Err(fault) => return (answers, Some(fault)),
                Ok(Decoded::NeedMore) => break,
                Ok(Decoded::Done(mut answer)) => {
                    // It says whether more has come already.
                    answer.reusable = false;
                    let goes_on = answer.keep_alive;
                    answers.push(answer);
                    if !goes_on {
                        return (answers, None);
                    }
                }
            }
        }
    }
    (answers, None)
}

/// The part of an outcome that does not depend on how much was read at once.
fn verdict(outcome: &Outcome) -> Result<Option<(u16, Bytes, Bytes, bool)>, Malformed> {
    outcome.clone().map(|done| {
        done.map(|(answer, _)| (answer.status, answer.head, answer.body, answer.keep_alive))
    })
}

fn check(answer: &Answer, behind: &[u8], bytes: &[u8]) {
    assert!(answer.head.len() <= LIMITS.head && answer.body.len() <= LIMITS.body);
    assert!(
        bytes.ends_with(behind),
        "the bytes left over are the last ones"
    );
    assert!(!answer.reusable || answer.keep_alive && behind.is_empty());

    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(&answer.head);
    assert_eq!(parsed, Ok(httparse::Status::Complete(answer.head.len())));
    assert_eq!(response.code, Some(answer.status));
    let fields = response
        .headers
        .iter()
        .map(|field| (field.name.as_bytes(), field.value));
    assert!(answer.headers().eq(fields));
}

// The last byte says how the others are cut into reads, so that a seed can be a plain answer.
fuzz_target!(|data: &[u8]| {
    let Some((&control, bytes)) = data.split_last() else {
        return;
    };
    let eof = control & 1 == 1;
    let whole = feed(std::iter::once(bytes), eof);
    for size in [1, usize::from(control >> 1) + 1] {
        let pieces = feed(bytes.chunks(size), eof);
        assert_eq!(verdict(&pieces), verdict(&whole), "in reads of {size}");
        let taken = feed_taking(bytes.chunks(size), size / 2 + 1, eof);
        assert_eq!(verdict(&taken), verdict(&whole), "taken in reads of {size}");
    }
    if let Ok(Some((answer, behind))) = &whole {
        check(answer, behind, bytes);
    }
    let all = pipeline(std::iter::once(bytes), false);
    for size in [1, usize::from(control >> 1) + 1, bytes.len().max(1)] {
        let known = pipeline(bytes.chunks(size), true);
        assert_eq!(known, all, "one after another, in reads of {size}");
    }
    if let (Ok(Some((first, _))), false) = (&whole, eof) {
        let read = all.0.first().map(|read| (&read.head, &read.body));
        assert_eq!(read, Some((&first.head, &first.body)));
    }
});
