//! One page.

use std::{fmt::Write, io};

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};
use switchyard_command_line::{Body, Section};

/// The page of a command, with the pages that belong to it.
pub(super) fn page(command: Command, sections: &[Section], see: &[String]) -> io::Result<String> {
    // Built for a reader and not for a machine: of one version, whatever commit it is.
    let version = env!("CARGO_PKG_VERSION");
    let command = command.version(version).long_version(None::<&str>);
    let has_commands = command.get_subcommands().next().is_some();
    let has_options = command.get_arguments().next().is_some();
    let program = see.first().filter(|_| !has_commands);
    let source = format!(
        "{} {version}",
        program.map_or(command.get_name(), String::as_str)
    );
    let man = Man::new(command).source(source).manual("Switchyard");
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    if has_options {
        man.render_options_section(&mut out)?;
    }
    if has_commands {
        man.render_subcommands_section(&mut out)?;
    }
    let mut rest = Roff::new();
    for section in sections {
        rest.control("SH", [title(section.title).as_str()]);
        match section.body {
            Body::Text(text) => paragraphs(&mut rest, text),
            Body::Lines(text) => lines(&mut rest, text),
            Body::Terms(terms) => {
                for (term, meaning) in terms {
                    rest.control("TP", []);
                    rest.text([bold(*term)]);
                    rest.text([roman(*meaning)]);
                }
            }
        }
    }
    if !see.is_empty() {
        rest.control("SH", ["SEE ALSO"]);
        let last = see.len() - 1;
        for (at, name) in see.iter().enumerate() {
            let comma = if at == last { "(1)" } else { "(1)," };
            rest.text([bold(name.as_str()), roman(comma)]);
        }
    }
    rest.to_writer(&mut out)?;
    let text = String::from_utf8(out).map_err(io::Error::other)?;
    // A blank at the end of a line is a mistake to groff, and no reader sees it.
    let trimmed = text.lines().map(str::trim_end).collect::<Vec<_>>();
    Ok(ascii(&(trimmed.join("\n") + "\n")))
}

/// The same with other letters than ASCII's as roff's escapes: without a flag, groff takes them for Latin-1.
fn ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            ascii.push(letter);
        } else {
            // Writing to a text does not fail.
            let _ = write!(ascii, "\\[u{:04X}]", u32::from(letter));
        }
    }
    ascii
}

/// As manual pages head it.
fn title(title: &str) -> String {
    match title {
        "Exit codes" => "EXIT STATUS".to_owned(),
        other => other.to_uppercase(),
    }
}

fn paragraphs(roff: &mut Roff, text: &str) {
    for paragraph in text.split("\n\n") {
        roff.control("PP", []);
        let joined = paragraph.lines().map(str::trim).collect::<Vec<_>>();
        roff.text([roman(joined.join(" "))]);
    }
}

fn lines(roff: &mut Roff, text: &str) {
    roff.control("PP", []);
    roff.control("nf", []);
    for line in text.lines() {
        if line.is_empty() {
            roff.control("sp", []);
        } else {
            roff.text([roman(line)]);
        }
    }
    roff.control("fi", []);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_escaped_and_the_rest_stays() {
        assert_eq!(
            ascii("a \u{2026} \\- \u{1f600}"),
            "a \\[u2026] \\- \\[u1F600]"
        );
    }

    #[test]
    fn a_page_has_the_sections_of_the_command_and_its_prose() {
        let command = Command::new("p")
            .about("Does it")
            .arg(clap::Arg::new("file").long("file").help("The file"));
        let sections = [
            Section::new("Exit codes", Body::Terms(&[("0", "done")])),
            Section::of_manual("Files", Body::Text("one\n\ntwo")),
            Section::new("Examples", Body::Lines(".dot\n\n'quote")),
        ];
        let page = page(command, &sections, &["q".to_owned()]).unwrap();
        for part in [
            ".SH NAME\np \\- Does it\n",
            "\\-\\-file",
            ".SH \"EXIT STATUS\"\n.TP\n\\fB0\\fR\ndone\n",
            ".SH FILES\n.PP\none\n.PP\ntwo\n",
            // What would be a request to roff is none.
            "\\&.dot\n.sp\n\\*(Aqquote\n",
            ".SH \"SEE ALSO\"\n\\fBq\\fR(1)\n",
        ] {
            assert!(page.contains(part), "{part:?} in {page}");
        }
    }
}
