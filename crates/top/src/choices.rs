//! The last choices, a line each: as much of it as fits, and nothing in part.

use ratatui::{
    style::Stylize,
    text::{Line, Span, Text},
};

use super::{
    format::{NONE, load},
    text::{Names, width},
};
use switchyard_status::{Decision, StatusSnapshot};

/// How many choices are shown.
pub(super) const SHOWN: usize = 4;
/// The least width of an amount, so that its digits stand below each other.
const AMOUNT: usize = 9;
/// A name is shortened to this before the reason is left out.
const NAME: usize = 12;

/// The title and the last choices, in lines of at most `most` cells.
pub(super) fn choices(snapshot: &StatusSnapshot, names: Names, most: u16) -> Text<'static> {
    let mut text = Text::from("last choices".dark_gray());
    let unit = &snapshot.configuration.unit;
    let shown = || snapshot.decisions.iter().take(SHOWN);
    let amounts = shown().map(|one| width(&load(Some(one.load), unit)));
    let amount = amounts.fold(AMOUNT, usize::max);
    for one in shown() {
        text.push_line(choice(one, unit, names, amount, usize::from(most)));
    }
    text
}

fn choice(one: &Decision, unit: &str, names: Names, amount: usize, most: usize) -> Line<'static> {
    let start = format!("{:>amount$} → ", load(Some(one.load), unit));
    let mut free = most.saturating_sub(width(&start));
    let reason = format!("  {}", one.reason);
    let room = free.saturating_sub(width(&reason)).max(NAME).min(free);
    let name = names.shorten(&one.substation, room);
    free = free.saturating_sub(width(&name));
    let mut line = Line::from(vec![start.into(), name.bold()]);
    let mut pieces = vec![Span::from(reason)];
    for (at, candidate) in one.candidates.iter().enumerate() {
        let score = candidate
            .score
            .map_or_else(|| NONE.to_owned(), |score| format!("{score:.4}"));
        let before = if at == 0 { "  " } else { " · " };
        let binding = candidate.binding.as_ref();
        let binds = binding.filter(|binding| **binding != candidate.substation);
        let binds = binds.map_or_else(String::new, |name| format!(" by {name}"));
        pieces.push(format!("{before}{} {score}{binds}", candidate.substation).dark_gray());
    }
    for piece in pieces {
        if piece.width() > free {
            break;
        }
        free -= piece.width();
        line.push_span(piece);
    }
    line
}
