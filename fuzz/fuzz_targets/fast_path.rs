//! A connection whose requests try the short way first reads the same requests as one that never does, however its bytes
//! are cut into reads.

#![no_main]

use bytes::{Buf, BytesMut};
use libfuzzer_sys::fuzz_target;
use switchyard_http1::{
    Head, IncomingDecoder, IncomingRequest, RequestFault, RequestLimits, WholeRequest,
};

// Small, so that a fuzzer's inputs get past them.
const LIMITS: RequestLimits = RequestLimits {
    head: 256,
    body: 64,
};
/// Those that the proxy looks for.
const LINES: [&[u8]; 2] = [
    b"POST /request_charge HTTP/1.1\r\n",
    b"POST /assign_substation HTTP/1.1\r\n",
];

#[derive(Debug, PartialEq)]
struct Request {
    path: String,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    /// Whether the connection goes on.
    goes_on: bool,
}

/// The requests, and the fault or how many bytes are left behind them.
type Seen = (Vec<Request>, Result<usize, RequestFault>);

fn fields(head: Head<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let owned = |(name, value): (&[u8], &[u8])| (name.to_vec(), value.to_vec());
    head.fields().map(owned).collect()
}

/// The request that is found on the short way, and its length.
fn short(received: &[u8]) -> Option<(Request, usize)> {
    let found = WholeRequest::find(received, &LINES, LIMITS)?;
    let (head, body) = found.parts(received).expect("the parts of what was found");
    let line = &received[..received.iter().position(|byte| *byte == b'\n').unwrap_or(0)];
    let path = line.split(|byte| *byte == b' ').nth(1).expect("a target");
    let request = Request {
        path: String::from_utf8_lossy(path).into_owned(),
        fields: fields(head),
        body: body.to_vec(),
        goes_on: true,
    };
    Some((request, found.length()))
}

/// Reads a connection as the proxy does. It tries the short way whenever a request begins.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>, is_short: bool) -> Seen {
    let mut received = BytesMut::new();
    let mut seen = Vec::new();
    let mut head: Option<IncomingRequest> = None;
    let mut reading: Option<IncomingDecoder> = None;
    let mut body = None;
    for piece in pieces {
        received.extend_from_slice(piece);
        while !received.is_empty() {
            if reading.is_none() {
                if is_short && let Some((request, length)) = short(&received) {
                    seen.push(request);
                    received.advance(length);
                    continue;
                }
                reading = Some(IncomingDecoder::new(LIMITS.head));
            }
            if let (None, Some(decoder)) = (&head, &mut reading) {
                match decoder.decode(&mut received) {
                    Err(fault) => return (seen, Err(fault)),
                    Ok(None) => break,
                    Ok(Some(found)) => match found.body(LIMITS) {
                        Err(fault) => return (seen, Err(fault)),
                        Ok(decoder) => (head, body) = (Some(found), Some(decoder)),
                    },
                }
            }
            let (Some(whole), Some(decoder)) = (&head, &mut body) else {
                break;
            };
            match decoder.decode(&mut received) {
                Err(fault) => return (seen, Err(fault)),
                Ok(None) => break,
                Ok(Some(found)) => {
                    seen.push(Request {
                        path: whole.path(&received).to_owned(),
                        fields: fields(whole.head(&received)),
                        body: received[found.body].to_vec(),
                        goes_on: !whole.closes() && !whole.is_http_1_0(),
                    });
                    received.advance(found.end);
                    (head, reading, body) = (None, None, None);
                }
            }
        }
    }
    let left = if head.is_some() { 0 } else { received.len() };
    (seen, Ok(left))
}

// A seed is what follows the first request line.
fuzz_target!(|rest: &[u8]| {
    for line in LINES {
        let bytes = [line, rest].concat();
        let long = read(std::iter::once(&bytes[..]), false);
        assert_eq!(
            read(std::iter::once(&bytes[..]), true),
            long,
            "the short way"
        );
        for size in [1, 40] {
            let cut = read(bytes.chunks(size), true);
            assert_eq!(cut, long, "the short way, in reads of {size}");
        }
    }
});
