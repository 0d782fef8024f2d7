//! Tests of the request encoder.

use super::{RequestHead, Unencodable, encode_request};
use bytes::BytesMut;
use proptest::prelude::*;

fn head() -> RequestHead {
    RequestHead::new("POST", "/charge", "127.0.0.1:5001").unwrap()
}

fn encode(headers: &[(&[u8], &[u8])], body: &[u8]) -> Result<BytesMut, Unencodable> {
    let mut buffer = BytesMut::from("before");
    let result = encode_request(&mut buffer, &head(), headers.iter().copied(), body);
    assert!(
        result.is_ok() || buffer == "before",
        "an error leaves nothing behind"
    );
    result.map(|()| buffer.split_off("before".len()))
}

#[test]
fn writes_one_request() {
    assert_eq!(
        encode(&[(b"x-request-id", b"7"), (b"X-Text", b"\ta b\xff"), (b"x-empty", b"")], b"{}").unwrap(),
        &b"POST /charge HTTP/1.1\r\nhost: 127.0.0.1:5001\r\nx-request-id: 7\r\nX-Text: \ta b\xff\r\nx-empty: \r\ncontent-length: 2\r\n\r\n{}"[..]
    );
    let empty = "POST /charge HTTP/1.1\r\nhost: 127.0.0.1:5001\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(encode(&[], b"").unwrap(), empty);
}

#[test]
fn nothing_is_smuggled() {
    let table: &[(&[u8], &[u8], Unencodable)] = &[
        (b"", b"b", Unencodable::HeaderName),
        (b"a b", b"b", Unencodable::HeaderName),
        (b"a:", b"b", Unencodable::HeaderName),
        (b"a\r\nb", b"b", Unencodable::HeaderName),
        (b"a\0", b"b", Unencodable::HeaderName),
        (b"\xc3\xa9", b"b", Unencodable::HeaderName),
        (b"a", b"b\r\nc: d", Unencodable::HeaderValue),
        (b"a", b"b\n", Unencodable::HeaderValue),
        (b"a", b"\r", Unencodable::HeaderValue),
        (b"a", b"b\0c", Unencodable::HeaderValue),
        (b"a", b"\x7f", Unencodable::HeaderValue),
        (b"Content-Length", b"1", Unencodable::Reserved),
        (b"transfer-encoding", b"chunked", Unencodable::Reserved),
        (b"HOST", b"x", Unencodable::Reserved),
        (b"upgrade", b"h2c", Unencodable::Reserved),
    ];
    for &(name, value, reason) in table {
        assert_eq!(
            encode(&[(b"ok", b"ok"), (name, value)], b"body"),
            Err(reason),
            "{name:?}: {value:?}"
        );
    }
}

#[test]
fn a_head_is_checked_when_it_is_prepared() {
    for (method, path, host, reason) in [
        ("", "/", "h", Unencodable::Method),
        ("PO ST", "/", "h", Unencodable::Method),
        ("POST", "", "h", Unencodable::Path),
        ("POST", "charge", "h", Unencodable::Path),
        ("POST", "/a b", "h", Unencodable::Path),
        ("POST", "/\r\n", "h", Unencodable::Path),
        ("POST", "/\u{e9}", "h", Unencodable::Path),
        ("POST", "/", "", Unencodable::Host),
        ("POST", "/", "h\r\nx: y", Unencodable::Host),
    ] {
        assert_eq!(
            RequestHead::new(method, path, host),
            Err(reason),
            "{method:?} {path:?} {host:?}"
        );
    }
}

#[test]
fn a_query_goes_behind_the_path_and_behind_the_query_that_is_there() {
    let line = |head: Result<RequestHead, Unencodable>| {
        let mut buffer = BytesMut::new();
        encode_request(&mut buffer, &head.unwrap(), [], b"").unwrap();
        let line = buffer[..].split(|byte| *byte == b'\r').next();
        String::from_utf8(line.unwrap().to_vec()).unwrap()
    };
    let once = head().with_query("a=b");
    let twice = once.clone().unwrap().with_query("c=d");
    let thrice = twice.clone().unwrap().with_query("e");
    assert_eq!(line(once), "POST /charge?a=b HTTP/1.1");
    assert_eq!(line(twice), "POST /charge?a=b&c=d HTTP/1.1");
    assert_eq!(line(thrice), "POST /charge?a=b&c=d&e HTTP/1.1");
    for unfit in ["a b", "a\r\nb", "\u{e9}"] {
        assert_eq!(
            head().with_query(unfit),
            Err(Unencodable::Path),
            "{unfit:?}"
        );
    }
}

#[test]
fn a_request_takes_little_more_room_than_it_needs() {
    for length in [0, 1_000] {
        let mut buffer = BytesMut::new();
        let body = vec![b'x'; length];
        encode_request(&mut buffer, &head(), [(&b"a"[..], &b"b"[..])], &body).unwrap();
        let spare = buffer.capacity() - buffer.len();
        assert!(spare <= 256, "{spare} bytes for {length}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was_meant(
        headers in proptest::collection::vec(("[!-~]{1,4}", any::<Vec<u8>>()), 0..5),
        body in proptest::collection::vec(any::<u8>(), 0..1200),
    ) {
        let pairs: Vec<(&[u8], &[u8])> = headers.iter().map(|(n, v)| (n.as_bytes(), &v[..])).collect();
        if let Ok(bytes) = encode(&pairs, &body) {
            let mut fields = [httparse::EMPTY_HEADER; 16];
            let mut request = httparse::Request::new(&mut fields);
            let length = request.parse(&bytes).unwrap().unwrap();
            prop_assert_eq!((request.method, request.path), (Some("POST"), Some("/charge")));
            prop_assert_eq!(request.headers.len(), pairs.len() + 2);
            for (field, (name, value)) in request.headers[1..].iter().zip(&pairs) {
                prop_assert_eq!((field.name.as_bytes(), field.value), (*name, value.trim_ascii()));
            }
            let length_written = body.len().to_string();
            let last = request.headers.last().unwrap();
            prop_assert_eq!((last.name, last.value), ("content-length", length_written.as_bytes()));
            prop_assert_eq!(&bytes[length..], &body[..]);
        }
    }
}
