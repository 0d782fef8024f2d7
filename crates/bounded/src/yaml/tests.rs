use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// What a text says, without the text of its scalars where they stand for something else.
fn shown(node: &Node) -> String {
    match node {
        Node::Scalar(Scalar { text, value }) => match value {
            Value::Text => format!("{text:?}"),
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(value) => value.to_string(),
        },
        Node::List(items) => {
            let items: Vec<_> = items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        Node::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", shown(key), shown(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

fn refusal(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn every_means_of_yaml_that_is_read() {
    for (text, expected) in [
        ("", "null"),
        ("# only a comment", "null"),
        ("---\n", "null"),
        ("\u{feff}a: 1", "{\"a\": 1}"),
        ("%YAML 1.2\n---\na: 1\n...\n", "{\"a\": 1}"),
        (
            "{\"a\": [1, \"1\", '1', 1.5, true, null]}",
            "{\"a\": [1, \"1\", \"1\", 1.5, true, null]}",
        ),
        ("a: 1\na: 2\n", "{\"a\": 1, \"a\": 2}"),
        (
            "a: &x [1, &y 2]\nb: *x\nc: *y",
            "{\"a\": [1, 2], \"b\": [1, 2], \"c\": 2}",
        ),
        ("a: &x 1\nb: &x 2\nc: *x", "{\"a\": 1, \"b\": 2, \"c\": 2}"),
        ("<<: {a: 1}", "{\"<<\": {\"a\": 1}}"),
        (
            "[!!str 1.10, !!int \"5\", !!float 5, ! 12, !!seq [], !!map {}]",
            "[\"1.10\", 5, 5, \"12\", [], {}]",
        ),
        (
            "a: |\n  two\n  lines\nb: >-\n  one\n  line",
            "{\"a\": \"two\\nlines\\n\", \"b\": \"one line\"}",
        ),
        ("? [a]\n: 1", "{[\"a\"]: 1}"),
        ("\"\\x41\\u00e9\\e\"", "\"Aé\\u{1b}\""),
        ("a: b\r\nc: d\r\n", "{\"a\": \"b\", \"c\": \"d\"}"),
    ] {
        let read = read(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(shown(&read), expected, "{text:?}");
    }
}

#[test]
fn what_is_refused_is_named_with_its_place() {
    for (text, words, place) in [
        ("a: [1", "unclosed bracket '['", "line 1"),
        ("a:\n\tb: 1", "indent with spaces, not tabs", "line 2"),
        (
            "a: @b",
            "quote a value that begins with it",
            "line 1 column 4",
        ),
        ("a: !include b", "the tag !include", "line 1 column 13"),
        ("a: !!int b", "the tag !!int", "line 1"),
        ("a: !x [b]", "the tag !x", "line 1"),
        ("a: 1\n---\nb: 2", "a second document", "line 2"),
        ("a: *b", "unknown anchor", "line 1 column 4"),
        ("a: &b [*b]", "within what it stands for", "line 1 column 8"),
        ("a: b\nc: \u{1b}", "there is \\u{1b}", "line 2 column 4"),
        ("a\0", "there is \\u{0}", "line 1 column 2"),
    ] {
        let told = refusal(text);
        assert!(
            told.contains(words) && told.contains(place),
            "{text:?}: {told}"
        );
    }
}

#[test]
fn depth_is_bounded_in_the_text_and_through_aliases() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(read(&nested(DEPTH)).is_ok());
    assert!(refusal(&nested(DEPTH + 1)).contains("deeper than 64 levels"));
    let half = nested(DEPTH / 2);
    let deeper = |levels: usize| {
        format!(
            "- &a {half}\n- {}*a{}",
            "[".repeat(levels),
            "]".repeat(levels)
        )
    };
    assert!(read(&deeper(DEPTH / 2 - 1)).is_ok());
    assert!(refusal(&deeper(DEPTH / 2)).contains("deeper than 64 levels"));
}

#[test]
fn aliases_that_multiply_are_refused_and_not_copied() {
    let level = |level: usize| {
        let below = vec![format!("*l{}", level - 1); 10].join(", ");
        format!("l{level}: &l{level} [{below}]\n")
    };
    let text = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    let text = text + &(1..20).map(level).collect::<String>();
    assert!(refusal(&text).contains("more than 1048576 values"));
    let long = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 20), "*a, ".repeat(64));
    assert!(refusal(&long).contains("more than 32 MiB of text"));
}

/// Each of these is refused or read in a time that grows with its size, no faster.
#[test]
fn anything_repeated_is_read_or_refused_at_once() {
    /// In bytes: what takes time by the square of its size takes minutes for it.
    const SIZE: usize = 128 << 10;
    for piece in [
        "[",
        "{",
        "- ",
        "? ",
        ": ",
        "a: ",
        "-\n",
        "&a ",
        "*a ",
        "!a ",
        "!!str ",
        "\"",
        "'",
        "\"\\u0041",
        "\"\" ",
        "|\n",
        ">\n ",
        "#",
        "# \n",
        "\n",
        "\r\n",
        " ",
        "\t",
        "%a ",
        "%TAG ! a\n",
        "---\n",
        "...\n",
        "a",
        "a\n",
        "a b\n",
        "a,",
        "[a,",
        "[[],",
        "{a,",
        "{a: [",
        "[a: ",
        "[? ",
        "[\"a\": {",
        "- - a\n",
        "a:\n- ",
        "a: b\n",
        "- &a b\n- *a\n",
        "é",
        "<<: *a\n",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "a: |\n b\n",
        "\\",
        "[*a, ",
        "[&a a, ",
        "]",
        "}",
        "[\n",
        "a:\n",
        " a:\n",
    ] {
        for before in ["", "[", "- &a b\n- ", "a: \"", "a: ", "a: [x, "] {
            let text = format!("{before}{}", piece.repeat(SIZE / piece.len()));
            let one = Instant::now();
            let _ = read(&text);
            let took = one.elapsed();
            assert!(
                took < Duration::from_secs(5),
                "{before:?} {piece:?}: {took:?}"
            );
        }
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "[-\\[\\]{}:,?!&*|>'\"#% \t\nab0~.é]{0,60}") {
        let _ = read(&text);
    }
}
