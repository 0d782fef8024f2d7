//! A Pingora session reads every request of the fast path as the same request, up to the same byte.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use pingora_core::protocols::http::ServerSession;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const LIMIT: RequestLimits = RequestLimits {
    head: 16 * 1024,
    body: 64,
};

/// A request, and the bytes after it.
#[derive(Debug, PartialEq)]
struct Read {
    method: String,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    rest: Bytes,
}

fn plain(received: &[u8]) -> Option<Read> {
    let plain = find(received, LIMIT)?;
    let (head, body) = plain.parts(received).unwrap();
    let line = received.split(|byte| *byte == b'\r').next().unwrap();
    let line = str::from_utf8(line).unwrap();
    let mut words = line.split(' ');
    let mut headers = HeaderMap::new();
    for (name, value) in head.fields() {
        let name = HeaderName::from_bytes(name).unwrap();
        headers.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    Some(Read {
        method: words.next().unwrap().to_owned(),
        path: words.next().unwrap().to_owned(),
        headers,
        body: Bytes::copy_from_slice(body),
        rest: Bytes::copy_from_slice(&received[plain.length()..]),
    })
}

/// What a Pingora session reads from the same bytes; `None` if it refuses them or waits for more.
fn session(received: &[u8]) -> Option<Read> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        client.write_all(received).await.unwrap();
        client.shutdown().await.unwrap();
        let mut session = ServerSession::new_http1(Box::new(server));
        session.set_pipelining_enabled(true);
        if !session.read_request().await.ok()? {
            return None;
        }
        let mut body = BytesMut::new();
        while let Some(piece) = session.read_request_body().await.ok()? {
            body.extend_from_slice(&piece);
        }
        let head = session.req_header();
        let (method, path) = (head.method.to_string(), head.uri.to_string());
        let headers = head.headers.clone();
        let (mut stream, rest) = session.finish().await.ok()??.into_parts();
        let mut behind = Vec::new();
        stream.read_to_end(&mut behind).await.ok();
        let mut rest = rest.unwrap_or_default();
        rest.put_slice(&behind);
        Some(Read {
            method,
            path,
            headers,
            body: body.freeze(),
            rest: rest.freeze(),
        })
    })
}

const USUAL: &str = "POST /request_charge HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";

#[test]
fn the_usual_charge_is_taken_and_what_follows_is_left() {
    let both = [USUAL, USUAL].concat();
    let read = plain(both.as_bytes()).unwrap();
    assert_eq!((&*read.body, &*read.rest), (&b"{}"[..], USUAL.as_bytes()));
    for usual in [
        "POST /assign_substation HTTP/1.1\r\nhost: a\r\n\r\n",
        "POST /request_charge HTTP/1.1\r\nhost: a\r\nconnection: Keep-Alive\r\ncontent-length: 0\r\n\r\n",
        "POST /request_charge HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\nidempotency-key: k\r\n\r\n",
    ] {
        assert!(plain(usual.as_bytes()).is_some(), "{usual}");
    }
}

#[test]
fn an_incomplete_charge_is_not_taken() {
    for end in 0..USUAL.len() {
        assert_eq!(find(&USUAL.as_bytes()[..end], LIMIT), None, "{end}");
    }
}

#[test]
fn anything_but_a_plain_charge_is_not_taken() {
    let usual = "POST /request_charge HTTP/1.1\r\nhost: a\r\n\r\n";
    let with = |field: &str| usual.replace("host: a\r\n", &["host: a\r\n", field].concat());
    for (request, why) in [
        (usual.replace("POST", "GET"), "another method"),
        (
            usual.replace("/request_charge", "/request_charge?a"),
            "a query",
        ),
        (
            usual.replace("/request_charge", "http://a/request_charge"),
            "an absolute form",
        ),
        (usual.replace("1.1", "1.0"), "another version"),
        (usual.replace("host: a\r\n", ""), "no host"),
        (with("host: a\r\n"), "two hosts"),
        (
            with("content-length: 1\r\ncontent-length: 1\r\n") + "x",
            "two lengths",
        ),
        (with("content-length: +1\r\n") + "x", "a length with a sign"),
        (
            with("content-length: 65\r\n") + &"x".repeat(65),
            "a body over the limit",
        ),
        (
            with("content-length: 99999999999999999999\r\n"),
            "a length beyond numbers",
        ),
        (
            with("transfer-encoding: chunked\r\n") + "0\r\n\r\n",
            "chunks",
        ),
        (with("expect: 100-continue\r\n"), "an expectation"),
        (with("upgrade: h2c\r\n"), "an upgrade"),
        (with("connection: close\r\n"), "a close"),
        (with("connection: keep-alive, x\r\n"), "a nominated header"),
        (with("a: b\r\n c\r\n"), "a folded header"),
        (with("a : b\r\n"), "a blank before the colon"),
        (
            usual.replace("host: a\r\n", "host: a\n"),
            "a bare line feed",
        ),
        (with("a: \0\r\n"), "a control character"),
        (with(&"a: b\r\n".repeat(32)), "many headers"),
    ] {
        assert_eq!(find(request.as_bytes(), LIMIT), None, "{why}");
    }
}

/// Requests around the border between plain and not.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let field = prop_oneof![
        8 => Just("Host: a"),
        4 => Just("content-length: 2"),
        2 => Just("Content-Length:\t2 "),
        1 => Just("content-length: 02"),
        1 => Just("content-length: 2, 2"),
        1 => Just("content-length: 9"),
        2 => Just("Connection: keep-alive"),
        1 => Just("connection: close"),
        1 => Just("transfer-encoding: chunked"),
        1 => Just("Transfer-Encoding : chunked"),
        1 => Just(" folded: x"),
        1 => Just("no colon"),
        2 => Just("x-a: \u{e9}"),
        1 => Just(""),
        2 => "[a-zA-Z-]{1,8}:[ \t]?[!-~]{0,8}".prop_map(|field| &*field.leak()),
    ];
    let end =
        prop_oneof![20 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r"), 1 => Just("\r\r\n")];
    let fields = proptest::collection::vec((field, end), 0..5);
    let body = prop_oneof![4 => Just("{}"), 1 => Just(""), 1 => Just("{}POST /request_charge")];
    (
        fields,
        prop_oneof![8 => Just("\r\n"), 1 => Just("\n")],
        body,
    )
        .prop_map(|(fields, end, body)| {
            let mut request = "POST /request_charge HTTP/1.1\r\n".to_owned();
            for (field, end) in fields {
                request += field;
                request += end;
            }
            (request + end + body).into_bytes()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn pingora_reads_the_same_request_and_as_far(request in request()) {
        if let Some(plain) = plain(&request) {
            prop_assert_eq!(session(&request), Some(plain));
        }
    }
}
