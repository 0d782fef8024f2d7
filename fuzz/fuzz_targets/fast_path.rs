//! What the short way finds in a client's bytes, the reader of all requests finds too, and nothing else.

#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use switchyard_http1::{IncomingDecoder, RequestLimits, WholeRequest};

// Small, so that a fuzzer's inputs get past them.
const LIMITS: RequestLimits = RequestLimits {
    head: 256,
    body: 64,
};
const LINE: &[u8] = b"POST /request_charge HTTP/1.1\r\n";

// A seed is what follows the request line.
fuzz_target!(|rest: &[u8]| {
    let bytes = [LINE, rest].concat();
    let Some(short) = WholeRequest::find(&bytes, &[LINE], LIMITS) else {
        return;
    };
    let (head, body) = short.parts(&bytes).expect("the parts of what was found");
    let mut received = BytesMut::from(bytes.as_slice());
    let request = IncomingDecoder::new(LIMITS.head)
        .decode(&mut received)
        .expect("no fault where the short way saw none")
        .expect("a whole head");
    let of_line = (
        request.method(&received),
        request.path(&received),
        request.query(&received),
    );
    assert_eq!(of_line, ("POST", "/request_charge", None));
    assert!(
        request.head(&received).fields().eq(head.fields()),
        "the same headers"
    );
    assert!(
        !request.closes() && !request.is_http_1_0(),
        "the connection stays open"
    );
    let whole = request
        .body(LIMITS)
        .expect("a body within the limits")
        .decode(&mut received)
        .expect("no fault in the body")
        .expect("a whole body");
    assert_eq!(&received[whole.body.clone()], body);
    assert_eq!(
        received[whole.end..],
        bytes[short.length()..],
        "the same bytes are left"
    );
});
