//! The reader of requests and hyper's server read the same bytes. Every request that ours accepts, hyper accepts and
//! understands in the same way, on a connection with as many requests as there are bytes for. What hyper accepts and ours
//! refuses is listed here, with the reason.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    HeaderMap, Request, Response,
    body::Incoming,
    header::{HeaderName, HeaderValue},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use switchyard_http1::{IncomingDecoder, RequestFault, RequestLimits};
use tokio::io::AsyncWriteExt as _;

const LIMITS: RequestLimits = RequestLimits {
    head: 16 * 1024,
    body: 64 * 1024,
};

/// What both have to agree on.
#[derive(Clone, Debug, PartialEq)]
struct Read {
    method: String,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    body: Bytes,
}

/// The requests of a connection as far as it goes on, and the fault that ends it.
fn ours(bytes: &[u8]) -> (Vec<Read>, Option<RequestFault>) {
    let mut received = BytesMut::from(bytes);
    let mut all = Vec::new();
    loop {
        match one(&mut received) {
            Err(fault) => return (all, Some(fault)),
            Ok(None) => return (all, None),
            Ok(Some((read, closes))) => {
                all.push(read);
                if closes {
                    return (all, None);
                }
            }
        }
    }
}

fn one(received: &mut BytesMut) -> Result<Option<(Read, bool)>, RequestFault> {
    let Some(head) = IncomingDecoder::new(LIMITS.head).decode(received)? else {
        return Ok(None);
    };
    let Some(found) = head.body(LIMITS)?.decode(received)? else {
        return Ok(None);
    };
    let mut headers = HeaderMap::new();
    for (name, value) in head.head(received).fields() {
        let name = HeaderName::from_bytes(name).expect("a name that hyper accepts");
        let value = HeaderValue::from_bytes(value).expect("a value that hyper accepts");
        headers.append(name, value);
    }
    let read = Read {
        method: head.method(received).to_owned(),
        path: head.path(received).to_owned(),
        query: head.query(received).map(str::to_owned),
        headers,
        body: Bytes::copy_from_slice(&received[found.body]),
    };
    let closes = head.closes();
    received.advance(found.end);
    Ok(Some((read, closes)))
}

/// The requests that hyper's server reads from the same bytes, behind which the client says no more.
fn hyper(bytes: &[u8]) -> Vec<Read> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let all = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&all);
    let service = service_fn(move |request: Request<Incoming>| {
        let seen = Arc::clone(&seen);
        async move {
            let (head, body) = request.into_parts();
            if let Ok(body) = body.collect().await {
                seen.lock().unwrap().push(Read {
                    method: head.method.to_string(),
                    path: head.uri.path().to_owned(),
                    query: head.uri.query().map(str::to_owned),
                    headers: head.headers,
                    body: body.to_bytes(),
                });
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        client.write_all(bytes).await.expect("there is room");
        client.shutdown().await.expect("the end");
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.half_close(true);
        // How it ends is its own affair.
        let _ = builder
            .serve_connection(TokioIo::new(server), service)
            .await;
        drop(client);
    });
    std::mem::take(&mut *all.lock().unwrap())
}

/// What ours reads, after checking that hyper reads the same.
fn read_alike(bytes: &[u8]) -> (Vec<Read>, Option<RequestFault>) {
    let (ours, fault) = ours(bytes);
    let shown = String::from_utf8_lossy(bytes);
    let hyper = hyper(bytes);
    assert!(
        hyper.starts_with(&ours),
        "{shown:?}: ours reads {ours:#?}, and hyper {hyper:#?}"
    );
    (ours, fault)
}

const VALID: &[&str] = &[
    "POST /request_charge HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    "GET /sessions/5?a=b&c=%20 HTTP/1.1\r\nHost: a.example:8080\r\nAccept: */*\r\n\r\n",
    "DELETE / HTTP/1.1\r\nhost:[::1]:80\r\n\r\n",
    "HEAD http://a.example/b?c HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "GET http://a.example HTTP/1.1\r\nHost: A.example:80\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00A;b=\"c\"\r\n0123456789\r\n0\r\nx: y\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nTrailer: x\r\n\r\n0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "POST /a HTTP/1.0\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc",
    "GET / HTTP/1.0\r\n\r\n",
    "PURGE /a!$&'()*+,;=:@~-._ HTTP/1.1\r\nHost: a\r\nX-A: \u{e9}\t b\r\nx-a:\r\n!#$%&'*+-.^_`|~: ok\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, x-y\r\nx-y: 1\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\nCookie: a=b; c=d\r\n\r\n",
];

#[test]
fn what_is_valid_is_read_alike() {
    for text in VALID {
        let (read, fault) = read_alike(text.as_bytes());
        assert_eq!((read.len(), fault), (1, None), "{text:?}");
    }
    let all: Vec<_> = VALID
        .iter()
        .filter(|text| !text.contains("close"))
        .collect();
    for (first, second) in all.iter().zip(all.iter().skip(1)) {
        let both = format!("{first}{second}");
        let closes = first.contains("HTTP/1.0") && !first.contains("keep-alive");
        let (read, fault) = read_alike(both.as_bytes());
        assert_eq!(
            (read.len(), fault),
            (if closes { 1 } else { 2 }, None),
            "{both:?}"
        );
    }
}

#[test]
fn what_no_url_has_as_it_is_neither_reads() {
    for byte in b'!'..=b'~' {
        for target in [
            format!("/a{}", byte as char),
            format!("/a?b{}", byte as char),
        ] {
            let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
            read_alike(text.as_bytes());
        }
    }
    for target in ["/a`", "/a<", "/a?b>"] {
        let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        let refused = (Vec::new(), Some(RequestFault::TargetCharacter));
        assert_eq!(read_alike(text.as_bytes()), refused);
    }
}

#[test]
fn what_is_cut_off_is_a_request_to_neither() {
    for text in VALID {
        for end in 0..text.len() {
            let (read, _) = read_alike(&text.as_bytes()[..end]);
            assert_eq!(read, [], "{end} bytes of {text:?}");
        }
    }
}

/// hyper reads these. A server behind the proxy, or a proxy in front of it, may read them in another way.
#[test]
fn where_ours_is_stricter_than_hyper() {
    use RequestFault as F;
    let get = |rest: &str| format!("GET / HTTP/1.1\r\n{rest}");
    let post = |rest: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{rest}");
    let chunked = |rest: &str| post(&format!("Transfer-Encoding: chunked\r\n\r\n{rest}"));
    for (text, fault) in [
        // Line ends.
        ("GET / HTTP/1.1\nHost: a\n\n".to_owned(), F::BareLineFeed),
        (get("Host: a\n\r\n"), F::BareLineFeed),
        (get("Host: a\r\n\n"), F::BareLineFeed),
        // The host.
        (get("\r\n"), F::NoHost),
        (get("Host: a\r\nHost: a\r\n\r\n"), F::RepeatedHost),
        (get("Host: a b\r\n\r\n"), F::Host),
        (get("Host: u@a\r\n\r\n"), F::Host),
        (
            "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            F::OtherHost,
        ),
        (
            "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            F::TargetHost,
        ),
        // The target.
        (
            "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            F::Fragment,
        ),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), F::Target),
        (
            "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            F::Target,
        ),
        (
            "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            F::Tunnel,
        ),
        (
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            F::RequestLine,
        ),
        // Framing.
        (
            post("Content-Length: 1\r\nContent-Length: 1\r\n\r\na"),
            F::RepeatedContentLength,
        ),
        (
            post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            F::TwoFramings,
        ),
        (
            post("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            F::TransferCoding,
        ),
        (
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            F::TransferEncoding,
        ),
        (
            post("Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n"),
            F::TransferEncoding,
        ),
        // Chunks.
        (
            chunked("1 \r\na\r\n0\r\n\r\n"),
            F::Chunks(switchyard_http1::Malformed::ChunkSize),
        ),
        (
            chunked("1;\0\r\na\r\n0\r\n\r\n"),
            F::Chunks(switchyard_http1::Malformed::ChunkExtension),
        ),
        (
            get("Host: a\r\nConnection: idempotency-key\r\n\r\n"),
            F::ConnectionOption,
        ),
    ] {
        let is_fatal_to_hyper = matches!(text.as_str(), text if text.starts_with("GET  /"));
        assert_eq!(
            hyper(text.as_bytes()).is_empty(),
            is_fatal_to_hyper,
            "hyper has become as strict: {text:?}"
        );
        assert_eq!(
            read_alike(text.as_bytes()),
            (Vec::new(), Some(fault)),
            "{text:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Ours is never looser: valid requests, one behind another, with some bytes replaced, doubled or lost.
    #[test]
    fn what_ours_reads_hyper_reads_alike(
        which in prop::collection::vec(any::<prop::sample::Index>(), 1..3),
        faults in prop::collection::vec(
            (
                any::<prop::sample::Index>(),
                0_usize..3,
                prop_oneof![
                    any::<u8>().prop_map(|byte| vec![byte]),
                    "[\r\n\t :;,/?#@%0-9a-f]{0,2}".prop_map(String::into_bytes),
                    Just(b"\r\n".to_vec()),
                    Just(b"\r\ncontent-length: 1\r\n".to_vec()),
                    Just(b"\r\ntransfer-encoding: chunked\r\n".to_vec()),
                    Just(b"\r\nhost: a\r\n".to_vec()),
                ],
            ),
            0..3,
        ),
    ) {
        let mut bytes = Vec::new();
        for one in which {
            bytes.extend_from_slice(one.get(VALID).as_bytes());
        }
        for (at, lost, put) in faults {
            let at = at.index(bytes.len());
            bytes.splice(at..(at + lost).min(bytes.len()), put);
        }
        read_alike(&bytes);
    }
}
