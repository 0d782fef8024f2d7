//! The JSON form. Every byte is checked against the grammar, since a number counts only where its object is known.

use super::{Unread, Wanted};

/// Objects and lists within each other. A report has two levels; what has many more means harm.
const DEEPEST: usize = 16;

/// Reads one object and nothing behind it.
pub(super) fn read(bytes: &[u8], wanted: &mut Wanted<'_>) -> Result<(), Unread> {
    let mut text = Text(bytes);
    let mut seen = false;
    text.blanks();
    text.object(|text, key| {
        if matches!(key, b"named_metrics" | b"namedMetrics") {
            // Written twice, which of the two counts is anybody's guess.
            if std::mem::replace(&mut seen, true) {
                return Err(Unread::Malformed);
            }
            text.object(|text, name| {
                let value = text.value(DEEPEST)?;
                if wanted.is_named(name) {
                    wanted.take(name, value)?;
                }
                Ok(())
            })
        } else {
            text.value(DEEPEST).map(drop)
        }
    })?;
    text.blanks();
    if text.0.is_empty() {
        Ok(())
    } else {
        Err(Unread::Malformed)
    }
}

/// What is left to read.
struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    fn blanks(&mut self) {
        while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    /// Takes `token` off the front, if it stands there.
    fn skip(&mut self, token: &[u8]) -> bool {
        let rest = self.0.strip_prefix(token);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, token: &[u8]) -> Result<(), Unread> {
        self.skip(token).then_some(()).ok_or(Unread::Malformed)
    }

    /// An object whose members are read by `member`, from the value on.
    fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &'a [u8]) -> Result<(), Unread>,
    ) -> Result<(), Unread> {
        self.expect(b"{")?;
        self.items(b"}", |text| {
            let key = text.string()?;
            // No name of ours needs an escape; one that has some may be another name than it looks.
            if key.contains(&b'\\') {
                return Err(Unread::Malformed);
            }
            text.blanks();
            text.expect(b":")?;
            text.blanks();
            member(text, key)
        })
    }

    /// What stands between commas, up to `end`.
    fn items(
        &mut self,
        end: &[u8],
        mut item: impl FnMut(&mut Self) -> Result<(), Unread>,
    ) -> Result<(), Unread> {
        self.blanks();
        if self.skip(end) {
            return Ok(());
        }
        loop {
            self.blanks();
            item(self)?;
            self.blanks();
            if self.skip(end) {
                return Ok(());
            }
            self.expect(b",")?;
        }
    }

    /// Any value, as it is written.
    fn value(&mut self, deepest: usize) -> Result<&'a [u8], Unread> {
        let from = self.0;
        let deeper = || deepest.checked_sub(1).ok_or(Unread::Malformed);
        match from {
            [b'"', ..] => self.string().map(drop)?,
            [b'{', ..] => {
                let deeper = deeper()?;
                self.object(|text, _| text.value(deeper).map(drop))?;
            }
            [b'[', rest @ ..] => {
                let deeper = deeper()?;
                self.0 = rest;
                self.items(b"]", |text| text.value(deeper).map(drop))?;
            }
            [b'-' | b'0'..=b'9', ..] => self.number()?,
            _ => {
                let is_word = [&b"true"[..], b"false", b"null"]
                    .iter()
                    .any(|word| self.skip(word));
                is_word.then_some(()).ok_or(Unread::Malformed)?;
            }
        }
        let length = from.len() - self.0.len();
        Ok(from.get(..length).unwrap_or_default())
    }

    /// A string, without its quotes and with its escapes.
    fn string(&mut self) -> Result<&'a [u8], Unread> {
        self.expect(b"\"")?;
        let from = self.0;
        loop {
            match self.0 {
                [b'"', rest @ ..] => {
                    let length = from.len() - self.0.len();
                    self.0 = rest;
                    let string = from.get(..length).unwrap_or_default();
                    return match std::str::from_utf8(string) {
                        Ok(_) => Ok(string),
                        Err(_) => Err(Unread::Malformed),
                    };
                }
                [
                    b'\\',
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                    rest @ ..,
                ] => self.0 = rest,
                [b'\\', b'u', a, b, c, d, rest @ ..]
                    if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
                {
                    self.0 = rest;
                }
                [b'\\' | ..=0x1f, ..] | [] => return Err(Unread::Malformed),
                [_, rest @ ..] => self.0 = rest,
            }
        }
    }

    fn number(&mut self) -> Result<(), Unread> {
        self.skip(b"-");
        if !self.skip(b"0") {
            self.digits()?;
        }
        if self.skip(b".") {
            self.digits()?;
        }
        if self.skip(b"e") || self.skip(b"E") {
            let _ = self.skip(b"+") || self.skip(b"-");
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Unread> {
        let count = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        self.0 = self.0.get(count..).unwrap_or_default();
        (count > 0).then_some(()).ok_or(Unread::Malformed)
    }
}
