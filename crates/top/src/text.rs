//! Text that fits: sentences are wrapped between words, names are shortened.

use ratatui::text::Span;

/// How many cells a text takes.
pub(super) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// The text in lines of at most `most` cells; all but the first are indented. A word that is longer than a line goes
/// on in the next, so that nothing is lost.
pub(super) fn wrap(text: &str, most: usize, indent: usize) -> Vec<String> {
    // A terminal of a few cells shows no sentence; there, indents would leave no room at all.
    let indent = if indent * 2 < most { indent } else { 0 };
    let most = most.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    // The first word may follow blanks, which are its indent.
    for word in text.split_inclusive(' ') {
        if width(&line) + width(word.trim_end()) > most && !line.trim().is_empty() {
            lines.push(line.trim_end().to_owned());
            line = " ".repeat(indent);
        }
        for letter in word.chars() {
            if width(&line) >= most && letter != ' ' {
                lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            }
            line.push(letter);
        }
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// Names that must stay different when they are shortened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Names {
    /// How many letters all of them end with, such as a domain.
    end: usize,
}

impl Names {
    /// What these names have in common.
    pub(super) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names = names.into_iter();
        let first = names.next().unwrap_or("");
        let (mut end, mut are_several) = (first.chars().count(), false);
        for name in names {
            let pairs = first.chars().rev().zip(name.chars().rev());
            end = end.min(pairs.take_while(|(a, b)| a == b).count());
            are_several = true;
        }
        Self {
            end: if are_several { end } else { 0 },
        }
    }

    /// One of the names in at most `most` cells: without the end that it shares with the others, and if that is not
    /// enough, without its middle.
    pub(super) fn shorten(self, name: &str, most: usize) -> String {
        if width(name) <= most {
            return name.to_owned();
        }
        let Some(kept) = most.checked_sub(1) else {
            return String::new();
        };
        let letters = name.chars().count().saturating_sub(self.end);
        if letters <= kept {
            return name.chars().take(kept).chain(['…']).collect();
        }
        let (head, tail) = (kept / 2, kept - kept / 2);
        let start = name.chars().take(head);
        let end = name.chars().take(letters).skip(letters - tail);
        start.chain(['…']).chain(end).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_breaks_between_words_and_loses_nothing() {
        assert_eq!(
            wrap("! one two three", 9, 2),
            ["! one two", "  three"],
            "later lines are indented"
        );
        assert_eq!(wrap("  short", 20, 2), ["  short"]);
        assert_eq!(wrap("abcdefghij k", 4, 0), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrap("", 4, 0), [""]);
        for most in 0..30 {
            let said = "this port requires a token: start `switchyard top --token-file FILE`";
            let lines = wrap(said, most, 2);
            let letters = |text: &str| text.replace(' ', "");
            assert_eq!(letters(&lines.concat()), letters(said), "{most}");
            assert!(
                lines.iter().all(|line| width(line) <= most.max(1)),
                "{most}: {lines:?}"
            );
        }
    }

    #[test]
    fn short_names_stay_different() {
        let one = Names::default();
        assert_eq!(one.shorten("substation-17", 13), "substation-17");
        assert_eq!(one.shorten("substation-17", 8), "sub…n-17");
        assert_eq!(one.shorten("substation-17", 1), "…");
        assert_eq!(one.shorten("substation-17", 0), "");
        let names = [
            "substation-1.grid.example:5001",
            "substation-22.grid.example:5001",
        ];
        let all = Names::of(names);
        assert_eq!(
            names.map(|name| all.shorten(name, 16)),
            ["substation-1.gr…", "substation-22.g…"]
        );
        assert_eq!(
            names.map(|name| all.shorten(name, 9)),
            ["subs…on-1", "subs…n-22"]
        );
        assert_eq!(Names::of(["s1"]).shorten("s1", 2), "s1");
    }
}
