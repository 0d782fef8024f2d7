//! How heads, parts and ends are written.

use super::*;

fn head(status: u16, fields: &[(&'static str, &'static str)]) -> ResponseHeader {
    let mut head = ResponseHeader::build(status, None).unwrap();
    head.append_header("date", "D").unwrap();
    for (name, value) in fields {
        head.append_header(*name, *value).unwrap();
    }
    head
}

/// What is written of an answer with this head and these parts, and whether its connection closes.
fn written(
    asked: Asked,
    (head, closes): (&ResponseHeader, bool),
    parts: &[&str],
) -> Result<(String, bool), Fault> {
    let (mut answer, mut wire) = (Answer::to(asked), BytesMut::new());
    answer.head(head, closes, &mut wire)?;
    for part in parts {
        answer.body(part.as_bytes(), &mut wire)?;
    }
    answer.end(&mut wire)?;
    assert!(answer.has_ended());
    Ok((String::from_utf8(wire.to_vec()).unwrap(), answer.closes()))
}

const USUAL: Asked = Asked {
    is_head: false,
    is_http_1_0: false,
};
const OLD: Asked = Asked {
    is_http_1_0: true,
    ..USUAL
};

#[test]
fn the_end_of_a_body_is_marked_as_its_client_understands() {
    let long = "x".repeat(0x1a2);
    let length = head(200, &[("content-length", "3"), ("x", "1")]);
    let open = head(
        200,
        &[("transfer-encoding", "chunked"), ("connection", "close")],
    );
    for (asked, head, closes, parts, expected) in [
        (
            USUAL,
            &length,
            false,
            &["a", "bc"][..],
            "x: 1\r\ncontent-length: 3\r\nconnection: keep-alive\r\n\r\nabc".to_owned(),
        ),
        (
            USUAL,
            &length,
            true,
            &["abc"],
            "x: 1\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc".to_owned(),
        ),
        (
            OLD,
            &length,
            true,
            &["abc"],
            "x: 1\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc".to_owned(),
        ),
        (
            USUAL,
            &open,
            false,
            &["a", "", &long],
            format!(
                "transfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n1\r\na\r\n1a2\r\n{long}\r\n0\r\n\r\n"
            ),
        ),
        (
            OLD,
            &open,
            false,
            &["a", "b"],
            "connection: close\r\n\r\nab".to_owned(),
        ),
    ] {
        let (wire, _) = written(asked, (head, closes), parts).unwrap();
        assert_eq!(wire, format!("HTTP/1.1 200 OK\r\ndate: D\r\n{expected}"));
    }
    let asked = Asked {
        is_head: true,
        ..USUAL
    };
    let (wire, closes) = written(asked, (&length, false), &[]).unwrap();
    assert!(
        wire.ends_with("content-length: 3\r\nconnection: keep-alive\r\n\r\n"),
        "{wire}"
    );
    assert!(!closes);
    let (wire, _) = written(USUAL, (&head(204, &[]), false), &[]).unwrap();
    assert!(
        !wire.contains("chunked") && !wire.contains("content-length"),
        "{wire}"
    );
}

#[test]
fn what_is_longer_or_shorter_than_its_length_has_no_end() {
    let length = head(200, &[("content-length", "3")]);
    for parts in [&["ab"][..], &["ab", "cd"], &[]] {
        let result = written(USUAL, (&length, false), parts);
        assert_eq!(result, Err(Fault::OtherLength));
    }
    let odd = head(200, &[("content-length", "3x")]);
    assert_eq!(written(USUAL, (&odd, false), &[]), Err(Fault::Length));
}

#[test]
fn interim_heads_come_first_and_only_where_they_are_known() {
    let early = head(103, &[("link", "a")]);
    let mut wire = BytesMut::new();
    let mut answer = Answer::to(USUAL);
    answer.head(&early, false, &mut wire).unwrap();
    assert_eq!(
        wire,
        "HTTP/1.1 103 Early Hints\r\ndate: D\r\nlink: a\r\n\r\n"
    );
    assert!(!answer.has_begun());
    answer
        .head(&head(100, &[]), false, &mut BytesMut::new())
        .unwrap();
    let mut none = BytesMut::new();
    Answer::to(OLD).head(&early, false, &mut none).unwrap();
    answer.head(&head(100, &[]), false, &mut none).unwrap();
    assert!(none.is_empty());
    let mut wire = BytesMut::new();
    let switching = head(101, &[("upgrade", "websocket"), ("connection", "Upgrade")]);
    answer.head(&switching, false, &mut wire).unwrap();
    let expected = "HTTP/1.1 101 Switching Protocols\r\ndate: D\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
    assert_eq!(wire, expected);
    assert!(answer.is_upgraded() && answer.closes());
}
