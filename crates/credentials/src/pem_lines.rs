//! Puts each BEGIN and END of a PEM file on a line of its own.
//!
//! Files that were joined without a line feed between them have `-----END CERTIFICATE----------BEGIN CERTIFICATE-----`.
//! The PEM reader looks at the start of lines only, so it would skip the second certificate without a word.

use std::borrow::Cow;

const MARKS: [&[u8]; 2] = [b"-----BEGIN ", b"-----END "];
/// What some editors put before the first line of a text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// `text` with a line feed before each mark that follows blanks or another mark. A mark within a comment stays there.
pub(crate) fn separated(text: &[u8]) -> Cow<'_, [u8]> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut separated = Vec::new();
    let mut copied = 0;
    let mut line = 0;
    for (at, byte) in text.iter().enumerate() {
        if matches!(byte, b'\n' | b'\r') {
            line = at + 1;
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let before = text.get(line..at).unwrap_or_default();
        let is_mark = *byte == b'-' && MARKS.iter().any(|mark| rest.starts_with(mark));
        let before = before.trim_ascii_end();
        let is_separate = before.is_empty() || before.ends_with(b"-----");
        if is_mark && is_separate && at > line {
            separated.extend_from_slice(text.get(copied..at).unwrap_or_default());
            separated.push(b'\n');
            (copied, line) = (at, at);
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    separated.extend_from_slice(text.get(copied..).unwrap_or_default());
    Cow::Owned(separated)
}

/// The numbers of the lines, from 1, in which a certificate begins.
pub(crate) fn first_lines(text: &[u8]) -> Vec<usize> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    let lines = (1..).zip(text.split(|byte| *byte == b'\n'));
    let begins = lines.flat_map(|(number, line)| {
        let many = line.windows(BEGIN.len()).filter(|part| *part == BEGIN);
        std::iter::repeat_n(number, many.count())
    });
    begins.collect()
}

/// The label of a section that holds a certificate in another form than the PEM reader takes, if there is one.
pub(crate) fn unread_kind(text: &[u8]) -> Option<&'static str> {
    let kinds = ["TRUSTED CERTIFICATE", "X509 CERTIFICATE"];
    let mut lines = text.split(|byte| *byte == b'\n');
    lines.find_map(|line| {
        let label = line.strip_prefix(b"-----BEGIN ")?;
        kinds
            .into_iter()
            .find(|kind| label.starts_with(kind.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_begins_in_a_line() {
        let text = "a word\n-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE----------BEGIN CERTIFICATE-----\n";
        assert_eq!(first_lines(text.as_bytes()), [2, 4]);
        assert!(first_lines(b"-----BEGIN PRIVATE KEY-----").is_empty());
    }

    #[test]
    fn each_mark_has_its_line() {
        for (text, expected) in [
            ("", ""),
            (
                "-----BEGIN A-----\nx\n-----END A-----\n",
                "-----BEGIN A-----\nx\n-----END A-----\n",
            ),
            (
                "-----END A----------BEGIN B-----\nx",
                "-----END A-----\n-----BEGIN B-----\nx",
            ),
            ("a\n  -----BEGIN A-----", "a\n  \n-----BEGIN A-----"),
            (
                "-----END A----- \t-----BEGIN B-----",
                "-----END A----- \t\n-----BEGIN B-----",
            ),
            ("# a -----BEGIN A-----\n", "# a -----BEGIN A-----\n"),
            ("\u{feff}-----BEGIN A-----", "-----BEGIN A-----"),
            ("x\r\n-----END A-----\r\n", "x\r\n-----END A-----\r\n"),
        ] {
            assert_eq!(
                str::from_utf8(&separated(text.as_bytes())).unwrap(),
                expected,
                "{text:?}"
            );
        }
    }
}
