//! What is to be known of an answer that has not come whole, or has just come.

use super::*;

#[test]
fn an_answer_has_begun_with_an_interim_one() {
    let mut decoder = Decoder::new(Limits::default());
    assert!(!decoder.has_begun());
    let mut received = BytesMut::from("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n");
    assert!(matches!(
        decoder.decode(&mut received, false),
        Ok(Decoded::NeedMore)
    ));
    assert!(decoder.has_begun());
    decoder.reset();
    assert!(!decoder.has_begun());
}

#[test]
fn the_body_so_far_is_what_has_come_of_it_and_was_not_dropped() {
    for (head, body) in [
        ("content-length: 7\r\n\r\n", "abcdefg"),
        ("\r\n", "abcdefg"),
        (
            "transfer-encoding: chunked\r\n\r\n",
            "3;x\r\nabc\r\n4\r\ndefg\r\n",
        ),
    ] {
        let mut decoder = Decoder::new(Limits::default());
        let mut received = BytesMut::new();
        let mut decode = |bytes: &str, drops: usize| {
            received.extend_from_slice(bytes.as_bytes());
            let is_whole = !matches!(decoder.decode(&mut received, false), Ok(Decoded::NeedMore));
            assert!(!is_whole || head.starts_with("content"), "{head:?}");
            let so_far = decoder.body_so_far(&received).to_vec();
            decoder.drop_body(&mut received, drops);
            String::from_utf8(so_far).unwrap()
        };
        assert_eq!(decode("HTTP/1.1 200 OK\r\n", 9), "", "{head:?}");
        assert_eq!(decode(head, 9), "", "{head:?}");
        let (first, second) = body.split_at(body.find('c').unwrap() + 1);
        assert_eq!(decode(first, 2), "abc", "{head:?}");
        let (second, third) = second.split_at(second.find('f').unwrap() + 1);
        assert_eq!(decode(second, 1), "cdef", "{head:?}");
        if !head.starts_with("content") {
            assert_eq!(decode(third, 9), "defg", "{head:?}");
            assert_eq!(decode("", 0), "", "{head:?}");
        }
    }
}

#[test]
fn an_answer_says_whether_its_connection_header_nominates_others() {
    for (lines, nominates) in [
        ("", false),
        ("connection: close\r\n", false),
        ("connection: Keep-Alive\r\n", false),
        ("connection: keep-alive, close\r\n", false),
        ("connection: x-a\r\n", true),
        ("connection: close, x-a\r\n", true),
        ("connection: x-a, keep-alive\r\n", true),
        ("connection: x-a\r\nconnection: close\r\n", true),
        ("connection: close\r\nconnection: x-a\r\n", true),
    ] {
        let text = format!("HTTP/1.1 200 OK\r\n{lines}content-length: 0\r\n\r\n");
        assert_eq!(answer(&text).nominates, nominates, "{lines:?}");
    }
}

#[test]
fn a_log_gets_no_contents_of_an_answer() {
    let text = "HTTP/1.1 200 OK\r\nx-secret: 1\r\ncontent-length: 6\r\n\r\nsecret";
    assert_eq!(
        format!("{:?}", answer(text)),
        "Answer { status: 200, head: 51, body: 6, keep_alive: true, nominates: false, reusable: true }"
    );
}

#[test]
fn only_what_is_too_large_is_oversize() {
    let (most, least) = (Limits::default(), SMALL);
    let long = "x".repeat(200);
    let ok = "HTTP/1.1 200 OK\r\n";
    let chunked = format!("{ok}transfer-encoding: chunked\r\n\r\n");
    for (text, limits, is_oversize) in [
        (format!("{ok}a: {long}\r\n\r\n"), least, true),
        (format!("{ok}{}\r\n", "a: b\r\n".repeat(65)), most, true),
        (format!("{ok}content-length: 17\r\n\r\n"), least, true),
        (format!("{chunked}1;{long}\r\n"), least, true),
        (format!("{chunked}0\r\na: {long}\r\n\r\n"), least, true),
        (format!("{chunked}x\r\n"), least, false),
        (format!("{ok}content-length: x\r\n\r\n"), least, false),
        ("HTTP/2".into(), least, false),
    ] {
        let error = decode(limits, text.as_bytes(), false).unwrap_err();
        assert_eq!(error.is_oversize(), is_oversize, "{error}: {text:?}");
    }
}
