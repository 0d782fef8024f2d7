//! Parses a line of a metrics page, from the end of its metric name on.

use super::Matcher;
use memchr::{memchr, memchr2};
use std::borrow::Cow;

/// What a line that begins with the wanted name is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Line {
    /// Another series: a longer name, or labels that do not match.
    Other,
    /// The wanted series with this value, which may be any `f64`.
    Value(f64),
    /// A line with the wanted name that neither format allows.
    Malformed,
}

struct Malformed;

/// Reads what follows the metric name, without the line feed.
pub(super) fn read(tail: &[u8], matchers: &[Matcher]) -> Line {
    let tail = tail.strip_suffix(b"\r").unwrap_or(tail);
    if !is_of_series(tail) {
        return Line::Other;
    }
    match series(Cursor { rest: tail }, matchers) {
        Ok(Some(value)) => Line::Value(value),
        Ok(None) => Line::Other,
        Err(Malformed) => Line::Malformed,
    }
}

/// Whether the metric name ends where this begins.
pub(super) fn is_of_series(tail: &[u8]) -> bool {
    matches!(tail.first(), None | Some(b' ' | b'\t' | b'{'))
}

/// The value of `label` in what follows the metric name, as written there. `None` where the line is of another metric,
/// can't be read, or lacks the label.
pub(super) fn label<'a>(tail: &'a [u8], label: &[u8]) -> Option<&'a [u8]> {
    if !matches!(tail.first(), Some(b' ' | b'\t' | b'{')) {
        return None;
    }
    let mut line = Cursor { rest: tail };
    line.skip_blanks();
    let mut inside = line.labels().ok()?.inside?;
    let mut value = None;
    while let Ok(Some((name, written))) = inside.label() {
        if name == label && value.replace(written).is_some() {
            return None;
        }
    }
    value
}

/// The first of the matchers that does not hold for what follows the metric name.
pub(super) fn unlike<'m>(tail: &[u8], matchers: &'m [Matcher]) -> Option<&'m Matcher> {
    let mut line = Cursor { rest: tail };
    line.skip_blanks();
    let labels = line.labels().ok()?;
    matchers
        .iter()
        .find(|matcher| labels.satisfy(matcher).ok() == Some(!matcher.equal))
}

/// All labels, without escapes, and the value. `None` if the line can't be read.
pub(super) fn whole(tail: &[u8]) -> Option<(Vec<OwnLabel<'_>>, f64)> {
    let value = series(Cursor { rest: tail }, &[]).ok()??;
    let mut line = Cursor { rest: tail };
    line.skip_blanks();
    let mut labels = Vec::new();
    if let Some(mut inside) = line.labels().ok()?.inside {
        while let Some((name, value)) = inside.label().ok()? {
            labels.push((unescaped(name), unescaped(value)));
        }
    }
    Some((labels, value))
}

/// `[{labels}] value [timestamp] [# {labels} value [timestamp]]`; `None` if the labels do not match.
fn series(mut line: Cursor<'_>, matchers: &[Matcher]) -> Result<Option<f64>, Malformed> {
    line.skip_blanks();
    let labels = line.labels()?;
    for matcher in matchers {
        if labels.satisfy(matcher)? != matcher.equal {
            return Ok(None);
        }
    }
    let value = line.value_and_timestamp()?;
    if line.eat(b'#') {
        // An exemplar (OpenMetrics only). Its content is not used, but checked, to tell it from garbage.
        line.skip_blanks();
        if line.peek() != Some(b'{') {
            return Err(Malformed);
        }
        line.labels()?;
        line.value_and_timestamp()?;
    }
    if line.rest.is_empty() {
        Ok(Some(value))
    } else {
        Err(Malformed)
    }
}

/// A label set that has been checked once: the text after its brace, or empty.
#[derive(Clone, Copy)]
struct Labels<'a> {
    inside: Option<Cursor<'a>>,
}

impl Labels<'_> {
    /// Whether the matcher's label has the matcher's value.
    fn satisfy(self, matcher: &Matcher) -> Result<bool, Malformed> {
        let mut same = None;
        if let Some(mut inside) = self.inside {
            while let Some((name, value)) = inside.label()? {
                let named = unescaped_equals(name, &matcher.label);
                if named
                    && same
                        .replace(unescaped_equals(value, &matcher.value))
                        .is_some()
                {
                    return Err(Malformed);
                }
            }
        }
        Ok(same.unwrap_or(matcher.value.is_empty()))
    }
}

/// Name and value, without escapes.
type OwnLabel<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Name and value, still escaped.
type Label<'a> = (&'a [u8], &'a [u8]);

#[derive(Clone, Copy)]
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let rest = self.rest.strip_prefix(&[byte]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self
            .rest
            .iter()
            .position(|&byte| !belongs(byte))
            .unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    fn skip_blanks(&mut self) {
        self.take_while(is_blank);
    }

    /// Skips a label set and the blanks after it, if there is one here.
    fn labels(&mut self) -> Result<Labels<'a>, Malformed> {
        if !self.eat(b'{') {
            return Ok(Labels { inside: None });
        }
        let labels = Labels {
            inside: Some(*self),
        };
        while self.label()?.is_some() {}
        self.skip_blanks();
        Ok(labels)
    }

    /// The next label of a set; `None` at the closing brace.
    fn label(&mut self) -> Result<Option<Label<'a>>, Malformed> {
        self.skip_blanks();
        if self.eat(b'}') {
            return Ok(None);
        }
        // A name that is not a plain word is quoted (Prometheus 3).
        let name = if self.peek() == Some(b'"') {
            self.quoted()?
        } else {
            self.word()?
        };
        self.skip_blanks();
        if !self.eat(b'=') {
            return Err(Malformed);
        }
        self.skip_blanks();
        let value = self.quoted()?;
        self.skip_blanks();
        if self.eat(b',') || self.peek() == Some(b'}') {
            Ok(Some((name, value)))
        } else {
            Err(Malformed)
        }
    }

    fn word(&mut self) -> Result<&'a [u8], Malformed> {
        let word = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match word.first() {
            Some(first) if !first.is_ascii_digit() => Ok(word),
            _ => Err(Malformed),
        }
    }

    fn quoted(&mut self) -> Result<&'a [u8], Malformed> {
        if !self.eat(b'"') {
            return Err(Malformed);
        }
        let mut end = 0;
        loop {
            let ahead = self.rest.get(end..).ok_or(Malformed)?;
            end += memchr2(b'"', b'\\', ahead).ok_or(Malformed)?;
            if self.rest.get(end) == Some(&b'"') {
                break;
            }
            end += 2;
        }
        let (inside, rest) = self.rest.split_at_checked(end).ok_or(Malformed)?;
        self.rest = rest.get(1..).ok_or(Malformed)?;
        Ok(inside)
    }

    /// Reads a value and the timestamp that may follow it. The timestamp is only checked: 0.0.4 has milliseconds,
    /// OpenMetrics seconds, and the scraper decides about the age of a sample.
    fn value_and_timestamp(&mut self) -> Result<f64, Malformed> {
        let value = number(self.take_while(|byte| !is_blank(byte))).ok_or(Malformed)?;
        self.skip_blanks();
        if !matches!(self.peek(), None | Some(b'#')) {
            let timestamp = number(self.take_while(|byte| !is_blank(byte))).ok_or(Malformed)?;
            if !timestamp.is_finite() {
                return Err(Malformed);
            }
            self.skip_blanks();
        }
        Ok(value)
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Compares a text with escapes to one without. An unknown escape stands for itself, as in OpenMetrics.
fn unescaped_equals(escaped: &[u8], plain: &[u8]) -> bool {
    if memchr(b'\\', escaped).is_none() {
        return escaped == plain;
    }
    let mut plain = plain.iter().copied();
    let mut escaped = escaped.iter().copied().peekable();
    while let Some(mut byte) = escaped.next() {
        if byte == b'\\' {
            let meant = match escaped.peek() {
                Some(b'n') => Some(b'\n'),
                Some(&same @ (b'"' | b'\\')) => Some(same),
                _ => None,
            };
            if let Some(meant) = meant {
                byte = meant;
                escaped.next();
            }
        }
        if plain.next() != Some(byte) {
            return false;
        }
    }
    plain.next().is_none()
}

/// The text that is meant. What is no UTF-8 is replaced: this is for people.
fn unescaped(escaped: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(escaped);
    if !text.contains('\\') {
        return text;
    }
    let (mut meant, mut letters) = (String::new(), text.chars().peekable());
    while let Some(letter) = letters.next() {
        let next = letters.peek().filter(|_| letter == '\\');
        meant.push(match next {
            Some('n') => '\n',
            Some(same @ ('"' | '\\')) => *same,
            _ => {
                meant.push(letter);
                continue;
            }
        });
        letters.next();
    }
    Cow::Owned(meant)
}

/// Reads a number as exporters write it: decimal, or a word for infinity or NaN.
///
/// Narrower than Go's parser, which also accepts hexadecimal and underscores: exporters never write those.
fn number(token: &[u8]) -> Option<f64> {
    if is_decimal(token) {
        return std::str::from_utf8(token).ok()?.parse().ok();
    }
    if token.eq_ignore_ascii_case(b"nan") {
        return Some(f64::NAN);
    }
    let (infinity, word) = match token {
        [b'-', word @ ..] => (f64::NEG_INFINITY, word),
        [b'+', word @ ..] | word => (f64::INFINITY, word),
    };
    let named = word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity");
    named.then_some(infinity)
}

/// `[sign] digits [. digits] [e [sign] digits]`, with at least one digit before the exponent.
fn is_decimal(token: &[u8]) -> bool {
    let mut cursor = Cursor { rest: token };
    let sign = |cursor: &mut Cursor<'_>| cursor.eat(b'-') || cursor.eat(b'+');
    let digits = |cursor: &mut Cursor<'_>| cursor.take_while(|byte| byte.is_ascii_digit()).len();
    sign(&mut cursor);
    let mut mantissa = digits(&mut cursor);
    if cursor.eat(b'.') {
        mantissa += digits(&mut cursor);
    }
    if mantissa == 0 {
        return false;
    }
    if cursor.eat(b'e') || cursor.eat(b'E') {
        sign(&mut cursor);
        if digits(&mut cursor) == 0 {
            return false;
        }
    }
    cursor.rest.is_empty()
}
