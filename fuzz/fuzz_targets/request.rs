//! No bytes make the reader of requests panic, and its verdict does not depend on how they are cut into reads.

#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use switchyard_http1::{IncomingDecoder, RequestFault, RequestLimits};

// Small, so that a fuzzer's inputs get past them.
const LIMITS: RequestLimits = RequestLimits {
    head: 256,
    body: 64,
};

/// The body, and how many bytes are left after the request; `None` if more is needed.
fn feed<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Result<Option<(Vec<u8>, usize)>, RequestFault> {
    let (mut decoder, mut received) = (IncomingDecoder::new(LIMITS.head), BytesMut::new());
    let (mut body, mut whole) = (None, None);
    for piece in pieces {
        received.extend_from_slice(piece);
        if body.is_none() {
            let head = decoder.decode(&mut received)?;
            body = head.map(|head| head.body(LIMITS)).transpose()?;
        }
        if let (Some(body), None) = (&mut body, &whole) {
            whole = body.decode(&mut received)?;
        }
    }
    Ok(whole.map(|found| (received[found.body].to_vec(), received.len() - found.end)))
}

fuzz_target!(|bytes: &[u8]| {
    let whole = feed(std::iter::once(bytes));
    for size in [1, 2, 7] {
        assert_eq!(feed(bytes.chunks(size)), whole, "in reads of {size}");
    }
    if let Ok(Some((body, left))) = whole {
        assert!(body.len() <= LIMITS.body && left <= bytes.len());
    }
});
