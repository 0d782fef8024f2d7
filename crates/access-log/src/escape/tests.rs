use proptest::prelude::*;

use super::*;

fn in_json(text: &[u8], longest: usize) -> String {
    let mut out = Vec::new();
    json(&mut out, text, longest);
    String::from_utf8(out).unwrap()
}

fn in_apache(text: &[u8], longest: usize) -> String {
    let mut out = Vec::new();
    apache(&mut out, text, longest);
    String::from_utf8(out).unwrap()
}

#[test]
fn what_could_end_a_line_or_steer_a_terminal_is_escaped() {
    for (text, json, apache) in [
        (
            &b"/request_charge"[..],
            "/request_charge",
            "/request_charge",
        ),
        (b"a\nb\r\0", r"a\u000ab\u000d\u0000", r"a\x0ab\x0d\x00"),
        (br#"","x":""#, r#"\",\"x\":\""#, r#"\",\"x\":\""#),
        (br"\", r"\\", r"\\"),
        (b"\x1b[31m\x7f", r"\u001b[31m\u007f", r"\x1b[31m\x7f"),
        // A control character beyond ASCII, one that turns the direction, and one of two units.
        (
            "\u{9b}\u{202e}".as_bytes(),
            r"\u009b\u202e",
            r"\xc2\x9b\xe2\x80\xae",
        ),
        ("🔌".as_bytes(), r"\ud83d\udd0c", r"\xf0\x9f\x94\x8c"),
        (b"a\xffb\xc3", r"a\ufffdb\ufffd", r"a\xffb\xc3"),
    ] {
        assert_eq!(in_json(text, 100), json);
        assert_eq!(in_apache(text, 100), apache);
    }
}

#[test]
fn text_is_cut_by_its_escaped_length_and_never_inside_an_escape() {
    assert_eq!(in_json(&[b'a'; 10], 10), "a".repeat(10));
    assert_eq!(in_json(&[b'a'; 11], 10), "aaaaaaa...");
    assert_eq!(in_json(&[b'\n'; 9], 20), r"\u000a\u000a...");
    assert_eq!(in_json("🔌🔌".as_bytes(), 20), r"\ud83d\udd0c...");
    assert_eq!(in_apache(&[b'a'; 11], 10), "aaaaaaa...");
    assert_eq!(in_apache(&[b'\n'; 9], 12), r"\x0a\x0a...");
}

#[test]
fn a_name_stays_one_word() {
    let mut out = Vec::new();
    word(&mut out, "fleet 1\" -", 100);
    assert_eq!(out, br#"fleet\x201\"\x20-"#);
}

#[test]
fn each_byte_is_plain_or_not_wherever_it_stands() {
    for byte in 0..=u8::MAX {
        let is_plain_alone = matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        for length in 1..20 {
            for at in 0..length {
                for around in [b'a', b' ', b'~', b'!', b'#', b'[', b']'] {
                    let mut text = vec![around; length];
                    text[at] = byte;
                    assert_eq!(is_plain(&text), is_plain_alone, "{text:?}");
                }
            }
        }
    }
    assert!(is_plain(b""));
}

proptest! {
    #[test]
    fn any_bytes_become_a_json_string_of_visible_ascii_within_the_bound(
        text in proptest::collection::vec(any::<u8>(), 0..300),
        longest in 3_usize..400,
    ) {
        let written = in_json(&text, longest);
        prop_assert!(written.len() <= longest);
        prop_assert!(written.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let read: String = serde_json::from_str(&format!("\"{written}\"")).unwrap();
        let meant = String::from_utf8_lossy(&text);
        prop_assert!(read == meant || meant.starts_with(read.strip_suffix("...").unwrap()));
    }

    #[test]
    fn any_bytes_stay_within_the_quotes_of_the_other_format(
        text in proptest::collection::vec(any::<u8>(), 0..300),
        longest in 3_usize..400,
    ) {
        let written = in_apache(&text, longest);
        prop_assert!(written.len() <= longest);
        prop_assert!(written.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let mut bytes = written.bytes();
        while let Some(byte) = bytes.next() {
            prop_assert!(byte != b'"');
            if byte == b'\\' {
                prop_assert!(bytes.next().is_some());
            }
        }
    }
}
