//! Where each limit of a request begins, what is said of one whose body has not come, and what its faults mean.

use super::*;

/// The head of this request, which is whole.
fn head_of(text: &str) -> IncomingRequest {
    let head = IncomingDecoder::new(LIMIT).decode(&mut BytesMut::from(text));
    head.unwrap().unwrap()
}

#[test]
fn a_request_line_of_eight_thousand_bytes_is_read() {
    // As RFC 9112 §3 asks.
    let line = format!("GET /{} HTTP/1.1\r\n", "a".repeat(8_000 - 16));
    assert_eq!(line.len(), 8_000);
    assert!(
        read([format!("{line}host: a\r\n\r\n").as_bytes()])
            .unwrap()
            .is_some()
    );
}

#[test]
fn up_to_four_empty_lines_before_a_request_are_skipped() {
    let read = |lines: usize| however_cut(("\r\n".repeat(lines) + &get("")).as_bytes());
    for lines in 0..=4 {
        assert!(read(lines).unwrap().is_some(), "{lines}");
    }
    assert_eq!(read(5), Err(F::RequestLine));
}

#[test]
fn a_head_says_its_version_and_the_length_of_its_body() {
    for (version, is_http_1_0) in [("1.0", true), ("1.1", false)] {
        let head = head_of(&format!("GET / HTTP/{version}\r\nhost: a\r\n\r\n"));
        assert_eq!(head.is_http_1_0(), is_http_1_0);
    }
    for (headers, length) in [
        ("", Some(0)),
        ("content-length: 1\r\n", Some(1)),
        ("content-length: 7\r\n", Some(7)),
        ("transfer-encoding: chunked\r\n", None),
    ] {
        let head = head_of(&get(headers));
        assert_eq!(head.body_length(), length, "{headers:?}");
    }
}

#[test]
fn what_is_missing_is_the_rest_of_a_body_of_known_length() {
    let text = get("content-length: 7\r\n");
    let body = head_of(&text).body(LIMITS).unwrap();
    let missing = ["", "ab", "abcdefg", "abcdefgGET"].map(|come| {
        let received = format!("{text}{come}");
        body.missing(received.as_bytes())
    });
    assert_eq!(missing, [7, 5, 0, 0]);
    let chunked = chunked("");
    let body = head_of(&chunked).body(LIMITS).unwrap();
    assert_eq!(body.missing(chunked.as_bytes()), 0, "that is not known");
}

#[test]
fn the_short_cut_keeps_to_the_limit_of_a_body_and_to_plain_headers() {
    let first = "POST / HTTP/1.1\r\n";
    let find = |headers: &str, body: usize| {
        let body = "x".repeat(body);
        let text = format!("{first}host: a\r\n{headers}\r\n{body}");
        let found = WholeRequest::find(text.as_bytes(), &[first.as_bytes()], LIMITS);
        found.map(|found| found.length() == text.len())
    };
    let sized = |size: usize| find(&format!("content-length: {size}\r\n"), size);
    for size in [0, 1, BODY - 1, BODY] {
        assert_eq!(sized(size), Some(true), "{size}");
    }
    assert_eq!(sized(BODY + 1), None);
    for (headers, is_plain) in [
        ("x-expect: 1\r\n", true),
        ("expect: 100-continue\r\n", false),
        ("Upgrade: h2c\r\n", false),
        ("transfer-encoding: chunked\r\n", false),
        ("connection: close\r\n", false),
        ("host: a\r\n", false),
    ] {
        assert_eq!(find(headers, 0).is_some(), is_plain, "{headers:?}");
    }
}

#[test]
fn each_fault_has_the_meaning_that_decides_its_status() {
    for (fault, kind) in [
        (F::RequestLine, FaultKind::Malformed),
        (F::Preface, FaultKind::Malformed),
        (F::OtherHost, FaultKind::Malformed),
        (F::TransferEncoding, FaultKind::Malformed),
        (F::Chunks(Malformed::ChunkSize), FaultKind::Malformed),
        (F::BodyTooLarge, FaultKind::BodyTooLarge),
        (F::TargetTooLong(1), FaultKind::TargetTooLong),
        (F::TooManyHeaders, FaultKind::HeadTooLarge),
        (F::HeadTooLarge(1), FaultKind::HeadTooLarge),
        (F::TrailersTooLarge, FaultKind::HeadTooLarge),
        (F::TransferCoding, FaultKind::NotImplemented),
        (F::Tunnel, FaultKind::NotImplemented),
        (F::Version, FaultKind::Version),
    ] {
        assert_eq!(fault.kind(), kind, "{fault}");
    }
}

#[test]
fn a_version_is_two_digits_and_a_coding_that_is_not_the_last_chunked_ends_nowhere() {
    for (version, fault) in [
        ("HTTP/3.0", F::Version),
        ("HTTP/x.1", F::VersionForm),
        ("HTTP/1.x", F::VersionForm),
        ("HTTP/x.x", F::VersionForm),
    ] {
        let text = format!("GET / {version}\r\nhost: a\r\n\r\n");
        assert_eq!(however_cut(text.as_bytes()), Err(fault), "{version}");
    }
    for (codings, fault) in [
        ("gzip, deflate", F::TransferEncoding),
        ("gzip, deflate, chunked", F::TransferCoding),
        ("gzip, chunked, deflate", F::TransferEncoding),
    ] {
        let text = get(&format!("transfer-encoding: {codings}\r\n")) + "0\r\n\r\n";
        assert_eq!(however_cut(text.as_bytes()), Err(fault), "{codings}");
    }
}

#[test]
fn the_extensions_of_all_chunks_together_have_the_limit_of_a_head() {
    let chunk = format!("1;{}\r\nx\r\n", "e".repeat(1_023));
    let within = chunked(&(chunk.repeat(16) + "0\r\n\r\n"));
    let beyond = chunked(&(chunk.repeat(17) + "0\r\n\r\n"));
    let in_parts = |text: &str| read_in_parts([text.as_bytes()]);
    let body = "x".repeat(16).into_bytes();
    assert_eq!(in_parts(&within), Ok(Some((body, Vec::new()))));
    let too_large = F::Chunks(Malformed::ChunkExtensionsTooLarge);
    assert_eq!(in_parts(&beyond), Err(too_large));
    assert_eq!(read([beyond.as_bytes()]), Err(too_large));
}
