//! What a message repeats of a text from outside: on one line, and not all of it.

use std::fmt::{self, Write};

/// The most that is shown of a value, in characters: an address or a name is shorter.
const VALUE: usize = 200;
/// The most that is shown of a whole message, in characters: a few faults with their rules.
const MESSAGE: usize = 2000;

/// Something from outside, as a message or the log shows it: its beginning, control characters escaped, and how long
/// it is if it was cut.
///
/// Nothing is gathered: what is too long is counted, not kept.
#[derive(Clone, Copy, Debug)]
pub struct Shown<T> {
    what: T,
    /// In characters.
    most: usize,
}

impl<T> Shown<T> {
    /// One value within a message.
    pub const fn value(what: T) -> Self {
        Self { what, most: VALUE }
    }

    /// A message that may hold several.
    pub const fn message(what: T) -> Self {
        Self {
            what,
            most: MESSAGE,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cut = Cut {
            to: f,
            left: self.most,
            bytes: 0,
        };
        write!(cut, "{}", self.what)?;
        let Cut { left, bytes, .. } = cut;
        if left == 0 && bytes > 0 {
            return write!(f, "… ({bytes} bytes more)");
        }
        Ok(())
    }
}

/// Passes on the first characters, and counts the rest.
struct Cut<'a, 'b> {
    to: &'a mut fmt::Formatter<'b>,
    left: usize,
    /// How many bytes were not passed on.
    bytes: usize,
}

impl Write for Cut<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.chars();
        while self.left > 0 {
            let Some(one) = rest.next() else {
                return Ok(());
            };
            self.left -= 1;
            if is_plain(one) {
                self.to.write_char(one)?;
            } else {
                write!(self.to, "{}", one.escape_default())?;
            }
        }
        self.bytes += rest.as_str().len();
        Ok(())
    }
}

/// Whether a terminal shows the character as what it is: control characters move its cursor, and some others turn the
/// direction of the text around or are not to be seen.
fn is_plain(one: char) -> bool {
    !one.is_control()
        && !matches!(one, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_on_one_line_and_has_an_end() {
        for (text, shown) in [
            ("north", "north"),
            ("é \"quoted\" 'too'", "é \"quoted\" 'too'"),
            ("a\nb\u{1b}[2Jc\0", "a\\nb\\u{1b}[2Jc\\u{0}"),
            ("\u{202e}drawkcab", "\\u{202e}drawkcab"),
            (&"é".repeat(VALUE), &"é".repeat(VALUE)),
            (
                &"é".repeat(VALUE + 2),
                &format!("{}… (4 bytes more)", "é".repeat(VALUE)),
            ),
        ] {
            assert_eq!(Shown::value(text).to_string(), shown);
        }
    }

    #[test]
    fn a_message_of_many_parts_is_cut_as_one() {
        let parts = [("a", 150), ("b", 150), ("c", 1_000_000)];
        let long = parts.map(|(letter, count)| letter.repeat(count));
        let [a, b, c] = &long;
        let shown = Shown::value(format_args!("{a}{b}{c}")).to_string();
        assert_eq!(
            shown,
            format!("{a}{}… (1000100 bytes more)", "b".repeat(50))
        );
        let shown = Shown::message(format_args!("{a}{b}{c}")).to_string();
        assert!(shown.starts_with(&format!("{a}{b}c")) && shown.len() < 2100);
    }
}
