//! The codec and hyper's client read the same bytes. Everything that the codec accepts, hyper accepts and
//! understands in the same way. What hyper accepts and the codec refuses is listed here, with the reason.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use switchyard_http1::{Answer, Decoded, Decoder, Limits, Malformed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

/// What both have to agree on.
#[derive(Debug, Clone, PartialEq)]
struct Read {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl From<Answer> for Read {
    fn from(answer: Answer) -> Self {
        let header = |(name, value): (&[u8], &[u8])| {
            let name = HeaderName::from_bytes(name).expect("a name that hyper accepts");
            (
                name,
                HeaderValue::from_bytes(value).expect("a value that hyper accepts"),
            )
        };
        let mut headers = HeaderMap::new();
        for (name, value) in answer.headers().map(header) {
            headers.append(name, value);
        }
        Self {
            status: answer.status,
            headers,
            body: answer.body,
        }
    }
}

/// What the codec reads from the pieces, each of them one read; then the connection is closed.
fn codec<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Read, Malformed> {
    let (mut decoder, mut received) = (Decoder::new(Limits::default()), BytesMut::new());
    for piece in pieces {
        received.extend_from_slice(piece);
        if let Decoded::Done(answer) = decoder.decode(&mut received, false)? {
            return Ok(answer.into());
        }
    }
    match decoder.decode(&mut received, true)? {
        Decoded::Done(answer) => Ok(answer.into()),
        Decoded::NeedMore => panic!("nothing more can come"),
    }
}

/// What the codec reads, after checking that one read, two with any cut, and byte by byte give the same.
fn codec_however_cut(bytes: &[u8]) -> Result<Read, Malformed> {
    let whole = codec([bytes]);
    for at in 0..=bytes.len() {
        let cut = codec([&bytes[..at], &bytes[at..]]);
        assert_eq!(
            cut,
            whole,
            "cut at {at}: {:?}",
            String::from_utf8_lossy(bytes)
        );
    }
    assert_eq!(
        codec(bytes.chunks(1)),
        whole,
        "byte by byte: {:?}",
        String::from_utf8_lossy(bytes)
    );
    whole
}

/// What hyper reads from the same bytes as the answer to a POST; `None` if it refuses them.
fn hyper(bytes: &[u8]) -> Option<Read> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (client, server) = tokio::io::duplex(1 << 16);
        let serving = tokio::spawn(serve(server, bytes.to_vec()));
        let read = request(client).await.ok();
        serving.abort();
        read
    })
}

async fn serve(mut stream: DuplexStream, answer: Vec<u8>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n{}") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    stream.write_all(&answer).await?;
    stream.shutdown().await
}

async fn request(stream: DuplexStream) -> hyper::Result<Read> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driving = tokio::spawn(connection);
    let request = hyper::Request::post("/charge").body(Full::new(Bytes::from_static(b"{}")));
    let (head, body) = sender
        .send_request(request.expect("a request"))
        .await?
        .into_parts();
    let body = body.collect().await?.to_bytes();
    driving.abort();
    Ok(Read {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    })
}

const VALID: &[&str] = &[
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\ndate: Mon, 23 Nov 2026 10:00:00 GMT\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 007\r\n\r\n1234567",
    "HTTP/1.1 200\r\ncontent-length:1\r\n\r\nx",
    "HTTP/1.1 200 \r\ncontent-length: \t1 \t\r\n\r\nx",
    "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 5\r\n\r\nabcde",
    "HTTP/1.1 599 \u{e9}\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nHTTP/1.1",
    "HTTP/1.1 200 OK\r\nX-A: 1\r\nx-b:\r\nx-a: \u{e9} 2\t3\r\n!#$%&'*+-.^_`|~: ok\r\ncontent-length: 0\r\n\r\n",
    // Chunked.
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n1\r\n \r\n00a\r\n0123456789\r\n000\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a=b;c=\"d\"\r\n\r\n\r\n1 ;x\r\ny\r\n0;last\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x\r\n\r\n1\r\na\r\n0\r\nx: 1\r\ny: 2\r\n\r\n",
    // No framing.
    "HTTP/1.1 200 OK\r\n\r\nuntil the end\r\n",
    "HTTP/1.0 200 OK\r\nserver: old\r\n\r\n",
    "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n\r\nuntil the end",
    "HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nold",
    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbye",
    // No body.
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 204 No Content\r\ncontent-length: 3\r\n\r\n",
    "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\n\r\n",
    // Interim answers.
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n",
];

#[test]
fn what_is_valid_is_read_alike() {
    for text in VALID {
        let read = codec_however_cut(text.as_bytes());
        assert_eq!(read.ok(), hyper(text.as_bytes()), "{text:?}");
        assert!(
            hyper(text.as_bytes()).is_some(),
            "not valid to hyper: {text:?}"
        );
    }
}

#[test]
fn what_is_cut_off_is_an_answer_to_neither() {
    for text in VALID {
        for end in 0..text.len() {
            let cut = &text.as_bytes()[..end];
            assert_eq!(codec([cut]).ok(), hyper(cut), "{end} bytes of {text:?}");
        }
    }
}

#[test]
fn what_hyper_refuses_is_refused() {
    let head = "HTTP/1.1 200 OK\r\n";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (head, rest) in [
        ("", "hello\r\n\r\n"),
        ("", "HTTP/2.0 200 OK\r\n\r\n"),
        ("", "HTTP/1.1 99 OK\r\n\r\n"),
        ("", "HTTP/1.1 099 OK\r\n\r\n"),
        ("", "HTTP/1.1  200 OK\r\n\r\n"),
        (head, "a: b\r\n c\r\n\r\n"),
        (head, " a: b\r\n\r\n"),
        (head, "a : b\r\n\r\n"),
        (head, "a\r\n\r\n"),
        (head, ": b\r\n\r\n"),
        (head, "a: b\rc\r\n\r\n"),
        (head, "a: b\0\r\n\r\n"),
        (head, "content-length: 1\r\ncontent-length: 2\r\n\r\nab"),
        (head, "content-length: +1\r\n\r\na"),
        (head, "content-length: -1\r\n\r\na"),
        (head, "content-length: 1 1\r\n\r\na"),
        (head, "content-length: x\r\n\r\na"),
        (head, "content-length: 99999999999999999999\r\n\r\na"),
        (head, "content-length: 2\r\n\r\na"),
        (
            "HTTP/1.0 200 OK\r\n",
            "transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (chunked, "x\r\n\r\n"),
        (chunked, "\r\n\r\n"),
        (chunked, "-1\r\na\r\n0\r\n\r\n"),
        (chunked, "1\na\r\n0\r\n\r\n"),
        (chunked, "1;a\nb\r\na\r\n0\r\n\r\n"),
        (chunked, "1\r\nab\r\n0\r\n\r\n"),
        (chunked, "1\r\naXY0\r\n\r\n"),
        (chunked, "1\r\na\n0\r\n\r\n"),
        (chunked, "1\r\na\r\n"),
        (chunked, "1ffffffffffffffff\r\na\r\n0\r\n\r\n"),
        (chunked, "0\r\nx\r\n\r\n"),
    ] {
        let text = format!("{head}{rest}");
        assert_eq!(hyper(text.as_bytes()), None, "{text:?}");
        assert!(codec_however_cut(text.as_bytes()).is_err(), "{text:?}");
    }
}

/// hyper reads these. For the codec their meaning is not certain enough for a connection that other requests will use.
#[test]
fn where_the_codec_is_stricter_than_hyper() {
    use Malformed as M;
    let head = "HTTP/1.1 200 OK\r\n";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let many = "a: b\r\n".repeat(65);
    let interim = "HTTP/1.1 100 C\r\n\r\n".repeat(9);
    for (head, rest, reason) in [
        // Line ends.
        (
            "",
            "\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            M::NotHttp1,
        ),
        (
            "",
            "HTTP/1.1 200 OK\ncontent-length: 0\n\n",
            M::BareLineFeed,
        ),
        (head, "content-length: 0\r\n\n", M::BareLineFeed),
        // Framing.
        (
            head,
            "content-length: 1\r\ncontent-length: 1\r\n\r\na",
            M::RepeatedContentLength,
        ),
        (head, "content-length: 1, 1\r\n\r\na", M::ContentLength),
        (
            head,
            "content-length: 9\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            M::TwoFramings,
        ),
        (
            head,
            "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            M::TransferEncoding,
        ),
        (
            head,
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            M::TransferEncoding,
        ),
        (
            head,
            "transfer-encoding: identity\r\n\r\nuntil the end",
            M::TransferEncoding,
        ),
        (
            "HTTP/1.1 204 N\r\n",
            "content-length: x\r\n\r\n",
            M::ContentLength,
        ),
        // Chunks.
        (chunked, "1 \r\na\r\n0\r\n\r\n", M::ChunkSize),
        (chunked, "1;\0\r\na\r\n0\r\n\r\n", M::ChunkExtension),
        (chunked, "00000000000000001\r\na\r\n0\r\n\r\n", M::ChunkSize),
        // Interim answers.
        (
            interim.as_str(),
            "HTTP/1.1 204 N\r\n\r\n",
            M::TooManyInterim,
        ),
        (
            "HTTP/1.1 100 C\r\ncontent-length: 1\r\n\r\n",
            "HTTP/1.1 204 N\r\n\r\n",
            M::InterimWithBody,
        ),
        (
            "HTTP/1.1 101 S\r\n",
            "upgrade: x\r\n\r\n",
            M::SwitchedProtocols,
        ),
        // Limits.
        (
            many.as_str(),
            "content-length: 0\r\n\r\n",
            M::TooManyHeaders,
        ),
    ] {
        let head = if head == many {
            ["HTTP/1.1 200 OK\r\n", head].concat()
        } else {
            head.to_owned()
        };
        let text = format!("{head}{rest}");
        assert!(
            hyper(text.as_bytes()).is_some(),
            "hyper has become as strict: {text:?}"
        );
        assert_eq!(codec_however_cut(text.as_bytes()), Err(reason), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// The codec is never looser: valid answers with some bytes replaced, doubled or lost.
    #[test]
    fn what_the_codec_reads_hyper_reads_alike(
        which in any::<proptest::sample::Index>(),
        faults in proptest::collection::vec(
            (
                any::<proptest::sample::Index>(),
                0_usize..3,
                prop_oneof![
                    any::<u8>().prop_map(|byte| vec![byte]),
                    "[\r\n\t :;,0-9a-f]{0,2}".prop_map(String::into_bytes),
                    Just(b"\r\n".to_vec()),
                    Just(b"\r\ncontent-length: 1\r\n".to_vec()),
                    Just(b"\r\ntransfer-encoding: chunked\r\n".to_vec()),
                ],
            ),
            0..3,
        ),
    ) {
        let mut bytes = which.get(VALID).as_bytes().to_vec();
        for (at, lost, put) in faults {
            let at = at.index(bytes.len());
            bytes.splice(at..(at + lost).min(bytes.len()), put);
        }
        if let Ok(read) = codec_however_cut(&bytes) {
            prop_assert_eq!(Some(read), hyper(&bytes), "{:?}", String::from_utf8_lossy(&bytes));
        }
    }
}
