//! Every kind of request that is read or refused, however it is cut into reads, beside the short cut for the usual one.

mod bounds;

use bytes::BytesMut;
use proptest::prelude::*;

use super::*;
use crate::WholeRequest;
use RequestFault as F;

const LIMIT: usize = 16 * 1024;
const BODY: usize = 64;
const LIMITS: RequestLimits = RequestLimits {
    head: LIMIT,
    body: BODY,
};

/// What is read of a request: method, path, query, headers, body, whether it closes, and what is left over.
type Read = (
    String,
    String,
    Option<String>,
    Vec<(String, Vec<u8>)>,
    Vec<u8>,
    bool,
    Vec<u8>,
);

/// What is read from these pieces, each of them one read; `None` if more is needed.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<Read>, F> {
    let mut received = BytesMut::new();
    let mut decoder = IncomingDecoder::new(LIMIT);
    let mut head: Option<(IncomingRequest, BodyDecoder)> = None;
    let mut whole = None;
    for piece in pieces {
        received.extend_from_slice(piece);
        if head.is_none()
            && let Some(request) = decoder.decode(&mut received)?
        {
            let body = request.body(LIMITS)?;
            head = Some((request, body));
        }
        if whole.is_none()
            && let Some((_, body)) = &mut head
        {
            whole = body.decode(&mut received)?;
        }
    }
    Ok(whole.zip(head).map(|(found, (request, _))| {
        let headers = request.head(&received).fields();
        let headers = headers
            .map(|(name, value)| (String::from_utf8(name.to_vec()).unwrap(), value.to_vec()));
        (
            request.method(&received).to_owned(),
            request.path(&received).to_owned(),
            request.query(&received).map(str::to_owned),
            headers.collect(),
            received[found.body].to_vec(),
            request.closes(),
            received[found.end..].to_vec(),
        )
    }))
}

/// The same, after checking that one read, two with any cut, and byte by byte give the same.
fn however_cut(bytes: &[u8]) -> Result<Option<Read>, F> {
    let whole = read([bytes]);
    let shown = String::from_utf8_lossy(bytes);
    for at in 0..=bytes.len().min(2_000) {
        assert_eq!(
            read([&bytes[..at], &bytes[at..]]),
            whole,
            "cut at {at}: {shown:?}"
        );
    }
    assert_eq!(read(bytes.chunks(1)), whole, "byte by byte: {shown:?}");
    for size in [1, 2, 3, 7, bytes.len().max(1)] {
        let in_parts = read_in_parts(bytes.chunks(size));
        match &whole {
            Err(F::BodyTooLarge) => {}
            Err(fault) => assert_eq!(in_parts, Err(*fault), "in parts: {shown:?}"),
            Ok(whole) => {
                let whole = whole
                    .as_ref()
                    .map(|(.., body, _, rest)| (body.clone(), rest.clone()));
                assert_eq!(in_parts, Ok(whole), "in parts: {shown:?}");
            }
        }
    }
    whole
}

/// A body, and what is left over behind it.
type BodyAndRest = (Vec<u8>, Vec<u8>);

/// The body and what is left over, if the body is read in parts; `None` if more is needed.
fn read_in_parts<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<BodyAndRest>, F> {
    let (mut received, mut body) = (BytesMut::new(), Vec::new());
    let mut decoder = IncomingDecoder::new(LIMIT);
    let mut parts = None;
    for piece in pieces {
        received.extend_from_slice(piece);
        if parts.is_none()
            && let Some(request) = decoder.decode(&mut received)?
        {
            let _head = received.split_to(request.length());
            parts = Some(request.parts(LIMIT));
        }
        let Some(parts) = &mut parts else { continue };
        while let Part::Data(data) = parts.next(&mut received)? {
            assert!(!data.is_empty());
            body.extend_from_slice(&data);
        }
    }
    let has_ended = parts.is_some_and(|parts| parts.has_ended());
    Ok(has_ended.then(|| (body, received.to_vec())))
}

fn get(headers: &str) -> String {
    format!("GET /a?b=c HTTP/1.1\r\nHost: a\r\n{headers}\r\n")
}

fn chunked(body: &str) -> String {
    get("Transfer-Encoding: chunked\r\n") + body
}

#[test]
fn a_request_is_read_with_its_parts() {
    let bytes = "\r\n\r\nPOST http://A:80/x/y?p=1?2 HTTP/1.1\r\nhost: a\r\nX-Empty:\r\ncontent-length: 2\r\n\r\n{}rest";
    let (method, path, query, headers, body, closes, rest) =
        however_cut(bytes.as_bytes()).unwrap().unwrap();
    assert_eq!(
        (&*method, &*path, query.as_deref()),
        ("POST", "/x/y", Some("p=1?2"))
    );
    let header = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
    assert_eq!(
        headers,
        [
            header("host", b"a"),
            header("X-Empty", b""),
            header("content-length", b"2")
        ]
    );
    assert_eq!((&*body, closes, &*rest), (&b"{}"[..], false, &b"rest"[..]));
}

#[test]
fn targets_are_paths_or_urls() {
    for (target, host, path, query) in [
        ("/", "a", "/", None),
        ("/?", "a", "/", Some("")),
        ("//x", "a", "//x", None),
        ("/a%20b;c|d", "a", "/a%20b;c|d", None),
        ("http://a", "a", "/", None),
        ("HTTP://A?q", "a:80", "/", Some("q")),
        ("https://[::1]:443/p", "[::1]", "/p", None),
    ] {
        let read = however_cut(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        let (_, is_path, is_query, ..) = read.unwrap().unwrap();
        assert_eq!((&*is_path, is_query.as_deref()), (path, query), "{target}");
    }
    let (_, path, ..) = however_cut(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap()
        .unwrap();
    assert_eq!(path, "*");
}

#[test]
fn a_connection_header_must_not_name_what_the_proxy_counts_on() {
    for named in [
        "idempotency-key",
        "Idempotency-Key",
        "x-request-timeout",
        "X-Request-Id",
        "via",
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-proto",
        "host",
        "content-length",
    ] {
        for value in [
            named.to_owned(),
            format!("close, {named}"),
            format!("x ,\t{named} ,"),
        ] {
            let request = get(&format!(
                "Connection: keep-alive\r\nConnection: {value}\r\n"
            ));
            assert_eq!(
                however_cut(request.as_bytes()),
                Err(F::ConnectionOption),
                "{value}"
            );
            let line = b"GET /a?b=c HTTP/1.1\r\n";
            assert_eq!(
                WholeRequest::find(request.as_bytes(), &[line], LIMITS),
                None,
                "{value}"
            );
        }
    }
    let request = get("Connection: x-one, idempotency-keys\r\n");
    assert!(however_cut(request.as_bytes()).unwrap().is_some());
}

#[test]
fn chunks_make_one_body() {
    for (body, expected, rest) in [
        ("0\r\n\r\n", "", ""),
        ("2\r\n{}\r\n0\r\n\r\nGET", "{}", "GET"),
        ("1\r\n{\r\n01;a\r\n}\r\n000\r\nT: x\r\n\r\n", "{}", ""),
        (
            "A ; a=\"b;c\"\r\n0123456789\r\n0;x\r\n\r\n",
            "0123456789",
            "",
        ),
    ] {
        let (.., read, _, left) = however_cut(chunked(body).as_bytes()).unwrap().unwrap();
        assert_eq!(
            (&*read, &*left),
            (expected.as_bytes(), rest.as_bytes()),
            "{body:?}"
        );
    }
}

#[test]
fn connection_options_count_on_every_line() {
    for (version, headers, closes) in [
        ("1.1", "", false),
        ("1.1", "Connection: keep-alive\r\n", false),
        ("1.1", "Connection: Close\r\n", true),
        ("1.1", "Connection: x-a\r\nConnection: close\r\n", true),
        (
            "1.1",
            "Connection: close\r\nConnection: keep-alive\r\n",
            true,
        ),
        ("1.1", "Connection: x-a , close\r\n", true),
        ("1.1", "Connection: x-close\r\n", false),
        ("1.0", "", true),
        ("1.0", "Connection: keep-alive\r\n", false),
        (
            "1.0",
            "Connection: x-a\r\nConnection: Keep-Alive\r\n",
            false,
        ),
        ("1.0", "Connection: keep-alive, close\r\n", true),
    ] {
        let bytes = format!("GET / HTTP/{version}\r\nhost: a\r\n{headers}\r\n");
        let (.., is, _) = however_cut(bytes.as_bytes()).unwrap().unwrap();
        assert_eq!(is, closes, "{version} {headers:?}");
    }
}

#[test]
fn only_http_1_1_expects_anything() {
    use Expectation::{Continue, None, Unknown};
    for (version, headers, expected) in [
        ("1.1", "", None),
        ("1.1", "Expect:\r\n", None),
        ("1.1", "Expect: 100-Continue\r\n", Continue),
        (
            "1.1",
            "Expect: 100-continue\r\nExpect: 100-continue\r\n",
            Continue,
        ),
        ("1.1", "Expect: 100-continue, x\r\n", Unknown),
        ("1.1", "Expect: x\r\nExpect: 100-continue\r\n", Unknown),
        ("1.1", "Expect: 200-ok\r\n", Unknown),
        ("1.0", "Expect: 100-continue\r\n", None),
        ("1.0", "Expect: x\r\n", None),
    ] {
        let mut bytes = BytesMut::from(&*format!(
            "GET / HTTP/{version}\r\nhost: a\r\n{headers}\r\n"
        ));
        let request = IncomingDecoder::new(LIMIT)
            .decode(&mut bytes)
            .unwrap()
            .unwrap();
        assert_eq!(request.expectation(), expected, "{version} {headers:?}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn what_is_no_request_is_refused_with_its_reason() {
    let line = |line: &str| format!("{line}\r\nHost: a\r\n\r\n");
    let host = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let many = |count: usize| get(&"x: y\r\n".repeat(count));
    let encoding = |lines: &str| get(lines) + "0\r\n\r\n";
    let long = "a".repeat(9_000);
    for (bytes, fault) in [
        // The request line.
        ("\x16\x03\x01\x02".into(), F::RequestLine),
        ("\0".into(), F::RequestLine),
        (" GET / HTTP/1.1\r\n".into(), F::RequestLine),
        ("\r\n".repeat(6), F::RequestLine),
        ("garbage\r\n\r\n".into(), F::RequestLine),
        ("GET /\r\n\r\n".into(), F::RequestLine),
        ("G@T / HTTP/1.1\r\n\r\n".into(), F::RequestLine),
        ("GET : / HTTP/1.1\r\n\r\n".into(), F::RequestLine),
        (line("GET  / HTTP/1.1"), F::RequestLine),
        (line("GET /  HTTP/1.1"), F::RequestLine),
        (line("GET / HTTP/1.1 "), F::RequestLine),
        (line("GET / a HTTP/1.1"), F::RequestLine),
        (line("GET /\tHTTP/1.1"), F::RequestLine),
        (line("GET / http/1.1"), F::VersionForm),
        (line("GET / HTTP/1.10"), F::VersionForm),
        (line("GET / HTTP/1"), F::VersionForm),
        (line("GET / XTTP/1.1"), F::VersionForm),
        (line("GET / "), F::VersionForm),
        (line("GET / HTTP/0.9"), F::Version),
        (line("GET / HTTP/1.2"), F::Version),
        (line("GET / HTTP/2.0"), F::Version),
        (line("PRI * HTTP/2.0"), F::Preface),
        (line("GET / HTTP/9.9"), F::Version),
        (
            line(&format!("GET /{long} HTTP/1.1")),
            F::TargetTooLong(LONGEST_LINE),
        ),
        (format!("GET /{long}"), F::TargetTooLong(LONGEST_LINE)),
        // What is wrong behind the longest line has no say.
        (format!("{long}\x0f"), F::TargetTooLong(LONGEST_LINE)),
        (line("GET /a#b HTTP/1.1"), F::Fragment),
        (line("GET /\u{e9} HTTP/1.1"), F::TargetCharacter),
        (line("GET /\x01 HTTP/1.1"), F::TargetCharacter),
        (line("GET /\x7f HTTP/1.1"), F::TargetCharacter),
        (line("GET a HTTP/1.1"), F::Target),
        (line("GET * HTTP/1.1"), F::Target),
        (line("GET ftp://a/ HTTP/1.1"), F::Target),
        (line("GET http:/a HTTP/1.1"), F::Target),
        (line("GET http:///a HTTP/1.1"), F::TargetHost),
        (line("GET http://u@a/ HTTP/1.1"), F::TargetHost),
        (line("GET http://a:b/ HTTP/1.1"), F::TargetHost),
        (line("CONNECT a:80 HTTP/1.1"), F::Tunnel),
        ("GET / HTTP/1.1\nHost: a\n\n".into(), F::BareLineFeed),
        // The host.
        ("GET / HTTP/1.1\r\n\r\n".into(), F::NoHost),
        (get("host: a\r\n"), F::RepeatedHost),
        (
            "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n".into(),
            F::RepeatedHost,
        ),
        (host(""), F::Host),
        (host("a:80:81"), F::Host),
        (host("[::1"), F::Host),
        (host("u@a"), F::Host),
        (host("a b"), F::Host),
        ("GET / HTTP/1.0\r\nHost: <x>\r\n\r\n".into(), F::Host),
        (
            "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            F::OtherHost,
        ),
        (
            "GET https://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n".into(),
            F::OtherHost,
        ),
        ("GET http://a/ HTTP/1.1\r\n\r\n".into(), F::NoHost),
        // The headers.
        (get("a : b\r\n"), F::HeaderName),
        (get(": b\r\n"), F::HeaderName),
        (get("a\r\n"), F::HeaderName),
        (get("a(: b\r\n"), F::HeaderName),
        (get("a: b\0\r\n"), F::HeaderValue),
        (get("a: b\rc: d\r\n"), F::HeaderValue),
        (get("a: b\r\n c\r\n"), F::FoldedHeader),
        (get("a: b\n"), F::BareLineFeed),
        (many(64), F::TooManyHeaders),
        (
            get(&format!("x: {}\r\n", "y".repeat(LIMIT))),
            F::HeadTooLarge(LIMIT),
        ),
        (
            format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(LIMIT)),
            F::HeadTooLarge(LIMIT),
        ),
        // The end of the body.
        (
            get("content-length: 1\r\ncontent-length: 1\r\n"),
            F::RepeatedContentLength,
        ),
        (get("content-length: 1, 1\r\n"), F::ContentLength),
        (get("content-length: +1\r\n"), F::ContentLength),
        (get("content-length: -1\r\n"), F::ContentLength),
        (get("content-length: 0x1\r\n"), F::ContentLength),
        (get("content-length:\r\n"), F::ContentLength),
        (get("content-length: 1 1\r\n"), F::ContentLength),
        (get("content-length: 65\r\n"), F::BodyTooLarge),
        (
            get("content-length: 99999999999999999999999\r\n"),
            F::BodyTooLarge,
        ),
        (
            get("content-length: 5\r\ntransfer-encoding: chunked\r\n"),
            F::TwoFramings,
        ),
        (
            encoding("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n"),
            F::TransferEncoding,
        ),
        (
            encoding("transfer-encoding: chunked, chunked\r\n"),
            F::TransferEncoding,
        ),
        (
            encoding("transfer-encoding: chunked, gzip\r\n"),
            F::TransferEncoding,
        ),
        (
            encoding("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n"),
            F::TransferEncoding,
        ),
        (encoding("transfer-encoding: gzip\r\n"), F::TransferEncoding),
        (
            encoding("transfer-encoding: identity\r\n"),
            F::TransferEncoding,
        ),
        (encoding("transfer-encoding:\r\n"), F::TransferEncoding),
        (
            encoding("transfer-encoding: , chunked\r\n"),
            F::TransferEncoding,
        ),
        (
            encoding("transfer-encoding: chunked,\r\n"),
            F::TransferEncoding,
        ),
        (
            encoding("transfer-encoding: chunked;q=1\r\n"),
            F::TransferEncoding,
        ),
        (
            encoding("transfer-encoding: xchunked\r\n"),
            F::TransferEncoding,
        ),
        (
            encoding("transfer-encoding: \"chunked\"\r\n"),
            F::TransferEncoding,
        ),
        (
            encoding("transfer-encoding: gzip, chunked\r\n"),
            F::TransferCoding,
        ),
        (
            encoding("transfer-encoding: identity, chunked\r\n"),
            F::TransferCoding,
        ),
        (
            encoding("transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n"),
            F::TransferCoding,
        ),
        (
            "GET / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".into(),
            F::TransferEncodingInHttp10,
        ),
        // The chunks.
        (chunked("\r\n"), F::Chunks(Malformed::ChunkSize)),
        (
            chunked("\r\n{\"vehicle_id\":\"v1\"}\r\n0\r\n\r\n"),
            F::Chunks(Malformed::ChunkSize),
        ),
        (chunked(";a\r\n\r\n"), F::Chunks(Malformed::ChunkSize)),
        (
            chunked("2\r\n{}\r\n\r\n0\r\n\r\n"),
            F::Chunks(Malformed::ChunkSize),
        ),
        (chunked(" 2\r\n{}\r\n"), F::Chunks(Malformed::ChunkSize)),
        (chunked("2 \r\n{}\r\n"), F::Chunks(Malformed::ChunkSize)),
        (chunked("+2\r\n{}\r\n"), F::Chunks(Malformed::ChunkSize)),
        (chunked("0x2\r\n{}\r\n"), F::Chunks(Malformed::ChunkSize)),
        (chunked("g\r\n"), F::Chunks(Malformed::ChunkSize)),
        (
            chunked("00000000000000002\r\n{}\r\n"),
            F::Chunks(Malformed::ChunkSize),
        ),
        (chunked("2\n{}\r\n"), F::Chunks(Malformed::BareLineFeed)),
        (chunked("2\r\n{}}\r\n"), F::Chunks(Malformed::ChunkEnd)),
        (
            chunked("2;a\x01\r\n{}\r\n"),
            F::Chunks(Malformed::ChunkExtension),
        ),
        (
            chunked(&format!("2;{}", "a".repeat(17_000))),
            F::Chunks(Malformed::ChunkExtensionsTooLarge),
        ),
        (chunked("41\r\n"), F::BodyTooLarge),
        (chunked("ffffffffffffffff\r\n"), F::BodyTooLarge),
        (
            chunked("0\r\na b\r\n\r\n"),
            F::Chunks(Malformed::HeaderName),
        ),
        (
            chunked("0\r\n folded\r\n\r\n"),
            F::Chunks(Malformed::FoldedHeader),
        ),
        (
            chunked("0\r\na: b\0\r\n\r\n"),
            F::Chunks(Malformed::HeaderValue),
        ),
        (
            chunked(&format!("0\r\na: {}", "a".repeat(17_000))),
            F::TrailersTooLarge,
        ),
        (
            chunked(&format!("0\r\n{}\r\n", "a: b\r\n".repeat(65))),
            F::TrailersTooLarge,
        ),
    ] {
        // Long ones are cut in fewer places.
        let is = if bytes.len() > 3_000 {
            read([bytes.as_bytes()])
        } else {
            however_cut(bytes.as_bytes())
        };
        assert_eq!(is, Err(fault), "{:?}", &bytes[..bytes.len().min(200)]);
    }
}

#[test]
fn the_limits_themselves_are_allowed() {
    let length = get("x: \r\n").len();
    let head = get(&format!("x: {}\r\n", "y".repeat(LIMIT - length)));
    assert_eq!(head.len(), LIMIT);
    assert!(read([head.as_bytes()]).unwrap().is_some());
    assert!(
        read([get(&"x: y\r\n".repeat(MOST_HEADERS - 1)).as_bytes()])
            .unwrap()
            .is_some()
    );
    let line = format!(
        "GET /{} HTTP/1.1\r\nhost: a\r\n\r\n",
        "a".repeat(LONGEST_LINE - "GET / HTTP/1.1\r".len())
    );
    assert!(read([line.as_bytes()]).unwrap().is_some());
}

/// A line of a request, often one that matters.
fn line() -> impl Strategy<Value = String> {
    let parts = [
        "Host: a",
        "Host:a:80",
        "Host: a b",
        "Host: <x>",
        "host: [::1]",
        "Content-Length: 2",
        "content-length: 02",
        "Content-Length: 2, 2",
        "Connection: keep-alive",
        "Connection: close",
        "connection: x",
        "Expect: 100-continue",
        "Transfer-Encoding: chunked",
        "X-A:",
        "X-B: \u{fc}",
        "X C: d",
        " folded",
        "X-D: e\u{1}",
        "upgrade: h2c",
    ];
    prop_oneof![9 => proptest::sample::select(parts.to_vec()).prop_map(str::to_owned), 1 => "[ -~]{0,12}"]
}

proptest! {
    /// Whatever the short cut takes, this reads as the same request, up to the same byte.
    #[test]
    fn the_short_cut_means_the_same(
        lines in proptest::collection::vec(line(), 0..5),
        end in proptest::sample::select(vec!["\r\n", "\r\n", "\r\n", "\n"]),
        body in "[{}\r\n0-2]{0,6}",
    ) {
        let first = "POST /request_charge HTTP/1.1\r\n";
        let mut bytes = first.to_owned();
        for line in ["Host: a".to_owned()].iter().chain(&lines) {
            bytes += line;
            bytes += end;
        }
        let bytes = bytes + "\r\n" + &body;
        if let Some(short) = WholeRequest::find(bytes.as_bytes(), &[first.as_bytes()], LIMITS) {
            let (head, body) = short.parts(bytes.as_bytes()).unwrap();
            let headers = head.fields().map(|(name, value)| (String::from_utf8(name.to_vec()).unwrap(), value.to_vec()));
            let expected: Read = (
                "POST".into(), "/request_charge".into(), None, headers.collect(), body.to_vec(), false,
                bytes.as_bytes()[short.length()..].to_vec(),
            );
            prop_assert_eq!(read([bytes.as_bytes()]), Ok(Some(expected)));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6)) {
        let _ = read(pieces.iter().map(Vec::as_slice));
        let start = chunked("").into_bytes();
        let _ = read(std::iter::once(start.as_slice()).chain(pieces.iter().map(Vec::as_slice)));
    }
}

/// A request line and a header line of the largest size, byte by byte.
#[test]
fn a_head_in_single_bytes_is_searched_once() {
    let line = format!("{} / HTTP/1.1\r\n", "M".repeat(LONGEST_LINE - 12));
    let whole = format!("{line}Host: a\r\nx: {}\r\n\r\n", "y".repeat(7_000));
    let mut received = BytesMut::new();
    let mut decoder = IncomingDecoder::new(LIMIT);
    for (at, byte) in whole.bytes().enumerate() {
        received.extend_from_slice(&[byte]);
        let head = decoder.decode(&mut received).unwrap();
        assert_eq!(head.is_some(), at + 1 == whole.len());
        assert!(decoder.is_searched(received.len()), "at {at}");
    }
}

#[test]
fn a_length_that_numbers_do_not_hold_is_refused_with_the_head() {
    let decode = |length: &str| {
        let text = get(&format!("content-length: {length}\r\n"));
        let head = IncomingDecoder::new(LIMIT).decode(&mut BytesMut::from(&*text))?;
        Ok(head.unwrap().body_length().unwrap())
    };
    assert_eq!(decode("9223372036854775807"), Ok(i64::MAX as u64));
    for length in [
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551618",
    ] {
        assert_eq!(decode(length), Err(F::BodyTooLarge), "{length}");
    }
}

#[test]
fn smaller_limits_hold_for_every_part() {
    let limits = RequestLimits {
        head: 1_024,
        body: 64,
    };
    let refused = |text: &str| {
        let mut received = BytesMut::from(text);
        let head = IncomingDecoder::new(limits.head).decode(&mut received)?;
        let request = head.expect("a whole head");
        request.body(limits)?.decode(&mut received).map(|_| ())
    };
    let long = "y".repeat(1_024);
    for (text, fault) in [
        (format!("GET /{long}"), F::TargetTooLong(1_024)),
        (get(&format!("x: {long}")), F::HeadTooLarge(1_024)),
        (
            chunked(&format!("1;{long}{long}")),
            F::Chunks(Malformed::ChunkExtensionsTooLarge),
        ),
        (chunked(&format!("0\r\na: {long}")), F::TrailersTooLarge),
    ] {
        assert_eq!(refused(&text), Err(fault), "{:?}", &text[..60]);
    }
    let short = format!("POST / HTTP/1.1\r\nHost: a\r\nx: {long}\r\n\r\n");
    let lines: [&[u8]; 1] = [b"POST / HTTP/1.1\r\n"];
    assert!(WholeRequest::find(short.as_bytes(), &lines, LIMITS).is_some());
    assert_eq!(WholeRequest::find(short.as_bytes(), &lines, limits), None);
}

/// Chunks of a byte each, with sizes as long as they may be: 21 bytes for each byte of body.
#[test]
fn framing_does_not_stay_in_memory() {
    let limits = RequestLimits {
        head: LIMIT,
        body: 64 * 1024,
    };
    let mut received = BytesMut::from(&*chunked(""));
    let request = IncomingDecoder::new(LIMIT)
        .decode(&mut received)
        .unwrap()
        .unwrap();
    let (mut decoder, start) = (request.body(limits).unwrap(), received.len());
    for at in 0..limits.body {
        received.extend_from_slice(b"0000000000000001\r\n");
        received.extend_from_slice(&[b'a' + u8::try_from(at % 26).unwrap(), b'\r', b'\n']);
        assert_eq!(decoder.decode(&mut received), Ok(None));
        assert!(received.len() <= start + at + 1 + 5 * 1024, "at {at}");
    }
    received.extend_from_slice(b"0\r\n\r\nGET");
    let found = decoder.decode(&mut received).unwrap().unwrap();
    let body = &received[found.body];
    assert_eq!(body.len(), limits.body);
    let is_whole = |(at, byte): (usize, &u8)| *byte == b'a' + u8::try_from(at % 26).unwrap();
    assert!(body.iter().enumerate().all(is_whole));
    assert_eq!(&received[found.end..], b"GET");
}

/// The reader of requests, the check for other parsers' headers and the writer agree on every byte.
#[test]
fn no_header_is_found_unfit_only_when_it_is_written() {
    use crate::{RequestHead, check_field, encode_request};
    let prefix = RequestHead::new("POST", "/", "a").unwrap();
    for byte in 0..=u8::MAX {
        for (name, value) in [(&[b'x', byte][..], &b"v"[..]), (b"x", &[b'v', byte, b'v'])] {
            let fits = check_field(name, value).is_ok();
            let written = encode_request(&mut BytesMut::new(), &prefix, [(name, value)], b"");
            assert_eq!(written.is_ok(), fits, "{name:?}: {value:?}");
            // These two end a name or a value and are no part of it.
            if !matches!(byte, b':' | b'\n') {
                let line = [
                    b"POST / HTTP/1.1\r\nHost: a\r\n",
                    name,
                    b":",
                    value,
                    b"\r\n\r\n",
                ];
                assert_eq!(
                    read([&line.concat()[..]]).is_ok(),
                    fits,
                    "{name:?}: {value:?}"
                );
            }
        }
    }
}
