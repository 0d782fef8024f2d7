//! The prose below the options: of `--help`, and of the manual page.

use std::fmt::Write;

/// A part of the prose.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Its heading, as `--help` writes it: "Exit codes".
    pub title: &'static str,
    /// What it says.
    pub body: Body,
    /// Whether only the manual page has it.
    pub is_for_manual: bool,
}

/// What a section says.
#[derive(Debug, Clone, Copy)]
pub enum Body {
    /// Paragraphs, with an empty line between them.
    Text(&'static str),
    /// Lines that stay as they are, such as commands.
    Lines(&'static str),
    /// Terms, each with its meaning.
    Terms(&'static [(&'static str, &'static str)]),
}

impl Section {
    /// Part of `--help` and of the manual page.
    #[must_use]
    pub const fn new(title: &'static str, body: Body) -> Self {
        Self {
            title,
            body,
            is_for_manual: false,
        }
    }

    /// Part of the manual page alone.
    #[must_use]
    pub const fn of_manual(title: &'static str, body: Body) -> Self {
        Self {
            title,
            body,
            is_for_manual: true,
        }
    }
}

/// The part of `--help` below the options. Lines of more than 100 letters would be broken, however
/// wide the terminal is.
#[must_use]
pub fn help(sections: &[Section]) -> String {
    let mut help = String::new();
    for section in sections.iter().filter(|section| !section.is_for_manual) {
        if !help.is_empty() {
            help.push_str("\n\n");
        }
        let _ = write!(help, "{}:", section.title);
        match section.body {
            Body::Text(text) | Body::Lines(text) => indent(&mut help, text),
            Body::Terms(terms) => {
                let width = terms.iter().map(|(term, _)| term.chars().count()).max();
                for (term, meaning) in terms {
                    let _ = write!(help, "\n  {term:<0$}  {meaning}", width.unwrap_or(0));
                }
            }
        }
    }
    help
}

fn indent(help: &mut String, text: &str) {
    for line in text.lines() {
        let _ = match line {
            "" => help.write_char('\n'),
            line => write!(help, "\n  {line}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_stand_below_each_other_and_those_of_the_manual_are_left_out() {
        let help = help(&[
            Section::new("Examples", Body::Lines("run it:\n\n  a b")),
            Section::of_manual("Files", Body::Text("none")),
            Section::new("Exit codes", Body::Terms(&[("0", "done"), ("78", "wrong")])),
        ]);
        assert_eq!(
            help,
            "Examples:\n  run it:\n\n    a b\n\nExit codes:\n  0   done\n  78  wrong"
        );
    }
}
