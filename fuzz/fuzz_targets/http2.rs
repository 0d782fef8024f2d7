//! Whatever frames a client sends: the budget of frames counts the same however they are cut into reads, nothing
//! panics, and a request that would go on as HTTP/1.1 is read there as the one request that it was.

#![no_main]

use std::{future::poll_fn, task::Poll, time::Duration};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use switchyard_http1::{
    Head, IncomingDecoder, MOST_HEADERS, Origin, RequestHead, RequestLimits, check_field,
    encode_request, forwarded,
};
use tokio::{
    io::{AsyncWriteExt, duplex},
    runtime::Builder,
    task::unconstrained,
};

// Part of a crate that takes minutes to build with its dependencies; the file itself needs none.
#[allow(dead_code, reason = "the proxy uses the rest")]
#[path = "../../proxy/src/ingress/http2/frame_budget.rs"]
mod frame_budget;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Room for what comes and for every answer to it: nothing waits here.
const ROOM: usize = 4 * 1024 * 1024;
const LIMITS: RequestLimits = RequestLimits {
    head: 16 * 1024,
    body: 1024,
};

/// The frame budget's verdict on the bytes, in reads of so many.
fn is_flood(bytes: &[u8], size: usize) -> bool {
    let mut budget = frame_budget::FrameBudget::default();
    bytes
        .chunks(size)
        .any(|piece| budget.received(piece, Duration::ZERO).is_err())
}

/// The heads that the `h2` crate finds, as the proxy uses it.
async fn heads(bytes: &[u8]) -> Vec<HeaderMap> {
    let (mut client, server) = duplex(ROOM);
    client.write_all(bytes).await.expect("there is room");
    let mut builder = h2::server::Builder::new();
    builder.max_header_list_size(32 * 1024);
    let Ok(mut server) = builder.handshake::<_, Bytes>(server).await else {
        return Vec::new();
    };
    let mut found = Vec::new();
    // All bytes are there, so what is not found at once never will be.
    unconstrained(poll_fn(|context| {
        while let Poll::Ready(Some(Ok((request, _)))) = server.poll_accept(context) {
            found.push(request.into_parts().0.headers);
        }
        Poll::Ready(())
    }))
    .await;
    found
}

/// Writes a request as the proxy does, and reads it as a substation does.
fn passed_on(headers: &HeaderMap) {
    let are_fit = headers
        .iter()
        .all(|(name, value)| check_field(name.as_ref(), value.as_bytes()).is_ok());
    if !are_fit || headers.len() >= MOST_HEADERS {
        return;
    }
    let prefix = RequestHead::new("POST", "/charge", "a").expect("a head");
    let mut written = BytesMut::new();
    let fields = forwarded(Head::Parsed(headers), Origin::default(), ("x-request-id", b"1"));
    encode_request(&mut written, &prefix, fields, b"{}").expect("nothing is left to find");
    let mut decoder = IncomingDecoder::new(usize::MAX);
    // The bound of a head was not asked here.
    if written.len() > usize::from(u16::MAX) {
        return;
    }
    let read = decoder
        .decode(&mut written)
        .expect("a request without a fault")
        .expect("a whole head");
    assert_eq!((read.method(&written), read.path(&written)), ("POST", "/charge"));
    let body = read.body(LIMITS).expect("a short body");
    let body = { body }.decode(&mut written).expect("no fault").expect("a whole body");
    assert_eq!(&written[body.body], b"{}");
    assert_eq!(body.end, written.len(), "one request and nothing behind it");
}

// The frames behind the preface.
fuzz_target!(|frames: &[u8]| {
    let bytes = [PREFACE, frames].concat();
    let whole = is_flood(&bytes, bytes.len());
    for size in [1, 7, 64] {
        assert_eq!(is_flood(&bytes, size), whole, "in reads of {size}");
    }
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    for headers in runtime.block_on(heads(&bytes)) {
        passed_on(&headers);
    }
});
