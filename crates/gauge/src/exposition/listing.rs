//! All that is on a page: for people who look for their gauge. The scan that runs several times a second is another one,
//! and both read a line with the same parser. Hidden: it is the programs', and no part of what versions promise.

use std::borrow::Cow;

use super::{line, parts::LONGEST_LINE};

/// A line of a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry<'a> {
    /// A series.
    Series {
        /// The metric's name.
        name: &'a str,
        /// The labels, without escapes, in the order of the page.
        labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
        /// The value: any number.
        value: f64,
        /// The whole line.
        line: &'a [u8],
    },
    /// What kind of metric a name stands for: `# TYPE NAME KIND`.
    Kind {
        /// The metric's name.
        name: &'a str,
        /// `gauge`, `counter`, `histogram` …
        kind: &'a str,
    },
    /// A line that is no comment and can't be read, or is longer than what is read.
    Unread {
        /// The whole line.
        line: &'a [u8],
    },
}

/// The lines of a page, in its order, without comments and empty lines.
pub fn listing(page: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    page.split(|byte| *byte == b'\n').filter_map(entry)
}

fn entry(line: &[u8]) -> Option<Entry<'_>> {
    let text = line.trim_ascii();
    match text.first()? {
        b'#' => kind(text),
        _ if line.len() >= LONGEST_LINE => Some(Entry::Unread { line }),
        _ => Some(series(line, text).unwrap_or(Entry::Unread { line })),
    }
}

fn kind(comment: &[u8]) -> Option<Entry<'_>> {
    let mut words = str::from_utf8(comment).ok()?.split_ascii_whitespace();
    let marks = (words.next()?, words.next()?);
    let (name, kind) = (words.next()?, words.next()?);
    (marks == ("#", "TYPE")).then_some(Entry::Kind { name, kind })
}

fn series<'a>(line: &'a [u8], text: &'a [u8]) -> Option<Entry<'a>> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    let end = text.iter().position(|byte| !is_name(byte))?;
    let (name, tail) = text.split_at_checked(end)?;
    let begins_well = name.first().is_some_and(|byte| !byte.is_ascii_digit());
    if !begins_well || !line::is_of_series(tail) {
        return None;
    }
    let (labels, value) = line::whole(tail)?;
    Some(Entry::Series {
        name: str::from_utf8(name).ok()?,
        labels,
        value,
        line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_listed_with_kinds_labels_and_what_can_t_be_read() {
        let page = b"# HELP load The load.\n# TYPE load gauge\nload{a=\"x\",b=\"q\\\"n\\n\"} 1.5 17\n\n  up 1\r\n\
            # EOF\nload{a= 5\n9lives 1\n<html>\nnan NaN # {id=\"1\"} 2\n\xff\xfe 1\nlast 2";
        let listed: Vec<_> = listing(page).collect();
        let shown: Vec<_> = listed
            .iter()
            .map(|entry| match entry {
                Entry::Series {
                    name,
                    labels,
                    value,
                    ..
                } => format!("{name} {labels:?} {value}"),
                Entry::Kind { name, kind } => format!("{name} is a {kind}"),
                Entry::Unread { line } => format!("unread {}", line.escape_ascii()),
            })
            .collect();
        assert_eq!(
            shown,
            [
                "load is a gauge",
                "load [(\"a\", \"x\"), (\"b\", \"q\\\"n\\n\")] 1.5",
                "up [] 1",
                "unread load{a= 5",
                "unread 9lives 1",
                "unread <html>",
                "nan [] NaN",
                "unread \\xff\\xfe 1",
                "last [] 2",
            ]
        );
    }

    #[test]
    fn a_line_that_the_scan_skips_for_its_length_is_unread() {
        let long = format!("load{{a=\"{}\"}} 1", "x".repeat(LONGEST_LINE));
        let listed: Vec<_> = listing(long.as_bytes()).collect();
        assert!(matches!(listed[..], [Entry::Unread { .. }]));
    }
}
