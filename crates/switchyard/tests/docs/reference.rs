//! The reference pages: what the code decides in them is written by `make reference`, and a test fails while it differs.
//!
//! A row of a reference has facts, which the code knows, and prose, which it can't know. With `UPDATE_REFERENCE` set, the
//! tests below write the facts and leave the prose as it is; without, they compare. A row that has come gets empty cells
//! for its prose, and these fail until they are filled in.

mod configuration;
mod errors;
mod metrics;

use std::{env, fs};

use super::{read, root};

/// What stands between two marks of a page, the marks left out.
fn marked<'a>(page: &'a str, name: &str) -> [&'a str; 3] {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->\n"));
    let (before, rest) = page
        .split_once(&begin)
        .unwrap_or_else(|| panic!("no {begin}"));
    let (between, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    [before, between, after]
}

/// Compares what the marks of a page enclose with what the code says, or writes that.
fn is_written(file: &str, name: &str, wanted: impl FnOnce(&str) -> String) {
    let page = read(file);
    let [before, between, after] = marked(&page, name);
    let wanted = wanted(between);
    let wanted = wanted.trim_end();
    assert!(wanted.lines().count() > 10, "{file}: {wanted}");
    if env::var_os("UPDATE_REFERENCE").is_some() {
        let page = format!("{before}<!-- {name} -->\n{wanted}\n<!-- /{name} -->\n{after}");
        fs::write(root().join(file), page).unwrap();
    } else {
        let advice = "`make reference` writes it anew";
        for (line, wanted) in between.lines().zip(wanted.lines()) {
            assert_eq!(line, wanted, "{file}: {advice}");
        }
        let lengths = [between.trim_end(), wanted].map(|text| text.lines().count());
        assert_eq!(lengths[0], lengths[1], "{file}: {advice}");
    }
    let unsaid = wanted.lines().find(|line| line.ends_with("| |"));
    assert_eq!(unsaid, None, "{file}: this row doesn't say what it means");
}

/// The cells of a table's row.
fn cells(row: &str) -> Vec<String> {
    let cells = row.trim_start_matches('|').trim_end_matches('|');
    cells
        .split('|')
        .map(|cell| cell.trim().to_owned())
        .collect()
}

/// A row of these cells.
fn row(cells: &[String]) -> String {
    let mut row = String::from("|");
    for cell in cells {
        if !cell.is_empty() {
            row += " ";
            row += cell;
        }
        row += " |";
    }
    row
}

/// The first words in backticks of a cell, apart by commas, and what follows them.
fn leading_words(cell: &str) -> (Vec<&str>, &str) {
    let (mut words, mut rest) = (Vec::new(), cell);
    while let Some((word, after)) = rest.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
        words.push(word);
        match after.strip_prefix(", ") {
            Some(next) if next.starts_with('`') => rest = next,
            _ => return (words, after),
        }
    }
    (words, rest)
}

#[test]
fn a_row_is_read_and_written_the_same() {
    let line = "| `a` | `b`, `c`; or else | |";
    assert_eq!(row(&cells(line)), line);
    let cells = cells(line);
    assert_eq!(leading_words(&cells[1]), (vec!["b", "c"], "; or else"));
    assert_eq!(leading_words("none"), (vec![], "none"));
}
