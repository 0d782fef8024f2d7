//! No bytes of a connection make the readers of requests panic. Their verdict does not depend on how the bytes are cut into
//! reads, and a body that is read in parts is the one that is read whole.

#![no_main]

use bytes::{Buf, BytesMut};
use libfuzzer_sys::fuzz_target;
use switchyard_http1::{
    BodyDecoder, BodyParts, IncomingDecoder, IncomingRequest, Part, RequestFault, RequestLimits,
};

// Small, so that a fuzzer's inputs get past them.
const LIMITS: RequestLimits = RequestLimits {
    head: 256,
    body: 64,
};

/// A request, as the proxy sees it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Request {
    head: Vec<u8>,
    target: (String, String, Option<String>),
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    length: Option<u64>,
    closes: bool,
    body: Vec<u8>,
}

/// The requests of a connection, and why there are no more.
type Seen = (Vec<Request>, Result<Left, RequestFault>);

/// What is left behind the last request.
#[derive(Debug, PartialEq)]
enum Left {
    Bytes(usize),
    /// The end of a request is missing.
    Unfinished,
}

fn request(head: &IncomingRequest, received: &[u8]) -> Request {
    assert!(head.length() <= LIMITS.head && head.length() <= received.len());
    let owned = |(name, value): (&[u8], &[u8])| (name.to_vec(), value.to_vec());
    Request {
        head: received[..head.length()].to_vec(),
        target: (
            head.method(received).to_owned(),
            head.path(received).to_owned(),
            head.query(received).map(str::to_owned),
        ),
        fields: head.head(received).fields().map(owned).collect(),
        length: head.body_length(),
        closes: head.closes() || head.is_http_1_0() && head.body_length().is_none(),
        body: Vec::new(),
    }
}

/// Reads each body whole.
fn read_whole<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Seen {
    let (mut decoder, mut received) = (IncomingDecoder::new(LIMITS.head), BytesMut::new());
    let mut body: Option<(BodyDecoder, Request)> = None;
    let mut seen = Vec::new();
    for piece in pieces {
        received.extend_from_slice(piece);
        loop {
            if body.is_none() {
                match decoder.decode(&mut received) {
                    Err(fault) => return (seen, Err(fault)),
                    Ok(None) => break,
                    Ok(Some(head)) => match head.body(LIMITS) {
                        Err(fault) => return (seen, Err(fault)),
                        Ok(decoder) => body = Some((decoder, request(&head, &received))),
                    },
                }
            }
            let Some((decoding, request)) = &mut body else {
                break;
            };
            let missing = decoding.missing(&received);
            match decoding.decode(&mut received) {
                Err(fault) => return (seen, Err(fault)),
                Ok(None) => {
                    assert!(missing > 0 || request.length.is_none());
                    break;
                }
                Ok(Some(found)) => {
                    assert_eq!(missing, 0, "nothing was missing");
                    assert!(found.body.len() <= LIMITS.body && found.end <= received.len());
                    request.body = received[found.body].to_vec();
                    seen.push(std::mem::take(request));
                    received.advance(found.end);
                    (body, decoder) = (None, IncomingDecoder::new(LIMITS.head));
                }
            }
        }
    }
    let left = match body {
        Some(_) => Left::Unfinished,
        None => Left::Bytes(received.len()),
    };
    (seen, Ok(left))
}

/// Reads each body in parts, as it arrives.
fn read_parts<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Seen {
    let (mut decoder, mut received) = (IncomingDecoder::new(LIMITS.head), BytesMut::new());
    let mut body: Option<(BodyParts, Request)> = None;
    let mut seen = Vec::new();
    for piece in pieces {
        received.extend_from_slice(piece);
        loop {
            if body.is_none() {
                match decoder.decode(&mut received) {
                    Err(fault) => return (seen, Err(fault)),
                    Ok(None) => break,
                    Ok(Some(head)) => {
                        let request = request(&head, &received);
                        received.advance(head.length());
                        body = Some((head.parts(LIMITS.head), request));
                    }
                }
            }
            let Some((parts, request)) = &mut body else {
                break;
            };
            match parts.next(&mut received) {
                Err(fault) => return (seen, Err(fault)),
                Ok(Part::NeedMore) => break,
                Ok(Part::Data(data)) => {
                    assert!(!data.is_empty());
                    request.body.extend_from_slice(&data);
                }
                Ok(Part::End) => {
                    assert!(parts.has_ended());
                    let all = request.length.unwrap_or(request.body.len() as u64);
                    assert_eq!(request.body.len() as u64, all, "as long as it says");
                    seen.push(std::mem::take(request));
                    (body, decoder) = (None, IncomingDecoder::new(LIMITS.head));
                }
            }
        }
    }
    let left = match body {
        Some(_) => Left::Unfinished,
        None => Left::Bytes(received.len()),
    };
    (seen, Ok(left))
}

fuzz_target!(|bytes: &[u8]| {
    let whole = read_whole(std::iter::once(bytes));
    for size in [1, 2, 7] {
        let cut = read_whole(bytes.chunks(size));
        assert_eq!(cut, whole, "in reads of {size}");
    }
    let parts = read_parts(std::iter::once(bytes));
    for size in [1, 3] {
        let cut = read_parts(bytes.chunks(size));
        assert_eq!(cut, parts, "in parts, in reads of {size}");
    }
    // In parts no body is too large.
    if whole.1 == Err(RequestFault::BodyTooLarge) {
        assert!(parts.0.starts_with(&whole.0), "as far as both read");
    } else {
        assert_eq!(parts, whole);
    }
});
