//! Whatever frames a client sends: the budget of frames counts the same however they are cut into reads, nothing
//! panics, and a request that would go on as HTTP/1.1 is read there as the one request that it was.

#![no_main]

use std::{future::poll_fn, task::Poll, time::Duration};

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use libfuzzer_sys::fuzz_target;
use switchyard_http1::{
    Head, IncomingDecoder, Origin, RequestFault, RequestHead, RequestLimits, encode_request,
    forwarded,
};
use tokio::{
    io::{AsyncWriteExt, duplex},
    runtime::Builder,
    task::unconstrained,
};

// Parts of a crate that takes minutes to build with its dependencies; the files themselves need few.
#[allow(dead_code, reason = "the proxy uses the rest")]
#[path = "../../proxy/src/ingress/http2/frame_budget.rs"]
mod frame_budget;
#[allow(dead_code, reason = "the proxy uses the rest")]
#[path = "../../proxy/src/ingress/http2/head.rs"]
mod head;

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
async fn heads(bytes: &[u8]) -> Vec<Parts> {
    let (mut client, server) = duplex(ROOM);
    client.write_all(bytes).await.expect("there is room");
    let mut builder = h2::server::Builder::new();
    builder.max_header_list_size(head::largest_list(LIMITS.head));
    let Ok(mut server) = builder.handshake::<_, Bytes>(server).await else {
        return Vec::new();
    };
    let mut found = Vec::new();
    // All bytes are there, so what is not found at once never will be.
    unconstrained(poll_fn(|context| {
        while let Poll::Ready(Some(Ok((request, _)))) = server.poll_accept(context) {
            found.push(request.into_parts().0);
        }
        Poll::Ready(())
    }))
    .await;
    found
}

/// The host that a head names, as the proxy understands it.
fn host_of(parts: &Parts) -> String {
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    let host = parts.headers.get(http::header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    authority.or(host).expect("a host was asked for").to_owned()
}

/// Writes a request that the proxy takes, and reads it as a substation does.
fn passed_on(mut parts: Parts) {
    if head::check(&mut parts, LIMITS.head).is_err() {
        return;
    }
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let method = parts.method.as_str();
    // `OPTIONS *` is answered and not passed on.
    let Ok(prefix) = RequestHead::new(method, path, &host_of(&parts)) else {
        assert_eq!((method, path), ("OPTIONS", "*"));
        return;
    };
    let mut written = BytesMut::new();
    let own = ("x-request-id", &b"1"[..]);
    let fields = forwarded(Head::Parsed(&parts.headers), Origin::default(), own);
    encode_request(&mut written, &prefix, fields, b"{}").expect("nothing is left to find");
    let mut decoder = IncomingDecoder::new(usize::MAX);
    let read = match decoder.decode(&mut written) {
        // The proxy adds a header of its own.
        Err(RequestFault::TooManyHeaders) => return,
        read => read
            .expect("a request without a fault")
            .expect("a whole head"),
    };
    assert_eq!(read.method(&written), method);
    let query = read
        .query(&written)
        .map_or(String::new(), |query| format!("?{query}"));
    assert_eq!(format!("{}{query}", read.path(&written)), path);
    let cookies = read.head(&written).all("cookie").count();
    assert!(cookies <= 1, "crumbs are joined");
    let body = read.body(LIMITS).expect("a short body");
    let body = { body }
        .decode(&mut written)
        .expect("no fault")
        .expect("a whole body");
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
    for head in runtime.block_on(heads(&bytes)) {
        passed_on(head);
    }
});
