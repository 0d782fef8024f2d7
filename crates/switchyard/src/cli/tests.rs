use std::{fs, path::Path};

use clap::CommandFactory;

use super::*;

fn manual() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/man")
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn man_pages_say_what_the_command_line_does() {
    let checked = switchyard_manual::check(&manual(), Cli::command(), &|command| {
        help::sections(command)
    });
    assert_eq!(checked, Ok(()));
}

#[test]
fn no_reader_of_man_pages_complains() {
    for file in fs::read_dir(manual()).unwrap() {
        let file = file.unwrap().path();
        match switchyard_manual::lint(&file) {
            Ok(0) => println!("skipped: neither groff nor mandoc is installed"),
            asked => assert!(asked.is_ok(), "{}", asked.unwrap_err()),
        }
    }
}

#[test]
fn the_version_says_what_was_built() {
    let short = help::SHORT_VERSION.as_str();
    let long = help::LONG_VERSION.as_str();
    assert!(short.starts_with(env!("CARGO_PKG_VERSION")), "{short}");
    let begins = short.strip_suffix(')').unwrap();
    assert!(
        long.starts_with(&format!("{begins}; tls, http2, ")),
        "{long}"
    );
    assert!(long.contains(", profile "), "{long}");
}

#[test]
fn no_line_of_the_help_is_broken() {
    let text = [None, Some("init"), Some("probe")]
        .map(help::below)
        .join("\n");
    let long: Vec<_> = text
        .lines()
        .filter(|line| line.chars().count() > 100)
        .collect();
    assert_eq!(long, [""; 0]);
}
