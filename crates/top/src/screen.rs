//! The screen: health, balance, each substation, and the last choices. A pure function of the view.
//!
//! Sentences are wrapped, columns that have no room are left out, and no number is cut.

use ratatui::{
    Frame,
    layout::{Constraint, Layout},
    style::{Color, Modifier, Style, Stylize},
    text::{Line, Span, Text},
    widgets::{Block, Clear, Paragraph},
};

use super::{
    choices::{self, choices},
    client::Order,
    figures::Figures,
    format::{load, percent},
    table,
    text::{Names, width, wrap},
    view::View,
};
use switchyard_status::{Fullest, Level, StatusSnapshot};

/// How many findings are shown below the first.
const FINDINGS: usize = 3;
/// The lines that the table keeps before choices are shown: its title, its heads and some substations.
const TABLE: u16 = 8;

/// Draws the whole screen.
pub(super) fn draw(frame: &mut Frame<'_>, view: &mut View) {
    let area = frame.area();
    let Some(snapshot) = view.snapshot.clone() else {
        let why = view.lost.as_deref().unwrap_or("connecting …");
        let mut lines = wrap(
            &format!("{}: {why}", view.address),
            usize::from(area.width),
            0,
        );
        lines.extend([String::new(), "q quits".to_owned()]);
        frame.render_widget(Paragraph::new(lines.join("\n")), area);
        return;
    };
    let names = Names::of(snapshot.substations.iter().map(|one| one.name.as_str()));
    let verdict = health(&snapshot, names, area.width);
    let figures = Figures::of(&snapshot, area.width);
    let foot = footer(view, area.width);
    let verdict_lines = lines(&verdict).min(area.height / 2);
    let foot_lines = lines(&foot);
    let rest = area
        .height
        .saturating_sub(verdict_lines + figures.height() + foot_lines);
    let shown = u16::try_from(1 + choices::SHOWN).unwrap_or(u16::MAX);
    // A title without a choice says nothing.
    let shown = Some(rest.saturating_sub(TABLE).min(shown)).filter(|lines| *lines > 1);
    let [top, numbers, substations, decisions, bottom] = Layout::vertical([
        Constraint::Length(verdict_lines),
        Constraint::Length(figures.height()),
        Constraint::Min(4),
        Constraint::Length(shown.unwrap_or(0)),
        Constraint::Length(foot_lines),
    ])
    .areas(area);
    frame.render_widget(verdict, top);
    figures.draw(frame, numbers, view);
    table::draw(frame, substations, view, &snapshot, names);
    frame.render_widget(choices(&snapshot, names, area.width), decisions);
    frame.render_widget(foot, bottom);
    if let Some(order) = &view.question {
        ask(frame, order, snapshot.fleet.is_some());
    }
}

fn lines(text: &Text<'_>) -> u16 {
    u16::try_from(text.height()).unwrap_or(u16::MAX)
}

fn tone(level: Level) -> (Color, &'static str) {
    match level {
        Level::Healthy => (Color::Green, "✓"),
        Level::Notice => (Color::Yellow, "!"),
        Level::Trouble => (Color::Red, "✗"),
    }
}

fn health(snapshot: &StatusSnapshot, names: Names, most: u16) -> Text<'static> {
    let most = usize::from(most);
    let verdict = &snapshot.verdict;
    let (color, sign) = tone(verdict.level);
    let style = Style::new().fg(color).add_modifier(Modifier::BOLD);
    let mut text = Text::default();
    for line in wrap(&format!("{sign} {}", verdict.sentence), most, 2) {
        text.push_line(Line::styled(line, style));
    }
    for finding in verdict.findings.iter().skip(1).take(FINDINGS) {
        let (color, sign) = tone(finding.level);
        for line in wrap(&format!("  {sign} {}", finding.text), most, 4) {
            text.push_line(Line::styled(line, color));
        }
    }
    text.extend(fullest(snapshot, names, most));
    text
}

/// The fullest substation and the total, in one line or in two.
fn fullest(snapshot: &StatusSnapshot, names: Names, most: usize) -> Vec<Line<'static>> {
    let (balance, unit) = (&snapshot.balance, &snapshot.configuration.unit);
    let Some(Fullest {
        name,
        utilisation,
        estimated_load,
    }) = &balance.fullest
    else {
        return vec!["  No load.".into()];
    };
    // What is out of rotation lends no capacity and does not count.
    let is_all = snapshot.substations.iter().all(|one| one.in_rotation);
    let of = if is_all { "Total" } else { "In rotation" };
    let total = match balance.capacity {
        capacity if capacity > 0.0 => format!(
            "{of} {} of {}.",
            load(Some(balance.load), unit),
            load(Some(capacity), unit)
        ),
        _ => format!("{of} {}.", load(Some(balance.load), unit)),
    };
    let used = match utilisation {
        Some(part) => percent(Some(*part), 1),
        None => load(Some(*estimated_load), unit),
    };
    let words = width("  Fullest: , .") + width(&used);
    let name = names.shorten(name, most.saturating_sub(words));
    let line = Line::from(vec![
        "  Fullest: ".into(),
        name.bold(),
        ", ".into(),
        used.bold(),
        ".".into(),
    ]);
    if line.width() + 1 + width(&total) <= most {
        return vec![line + Span::from(format!(" {total}"))];
    }
    let total = wrap(&format!("  {total}"), most, 2);
    [line]
        .into_iter()
        .chain(total.into_iter().map(Line::from))
        .collect()
}

fn footer(view: &View, most: u16) -> Text<'static> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let (text, style) = if let Some(why) = &view.lost {
        let text = format!(
            "Not connected to {}: {why}. Showing old data.",
            view.address
        );
        (text, bold.fg(Color::Red))
    } else if let Some(message) = &view.message {
        (message.clone(), bold)
    } else {
        let mut keys = vec!["q quit", "↑↓ move"];
        if view.is_tree() {
            keys.extend(["←→ fold or unfold", "f all"]);
        }
        keys.extend(["s next sort key", "r reverse", "d drain or undrain"]);
        if view.has_feeders() {
            keys.push("◆ binds");
        }
        // A key and what it does stay in one line.
        let keys: Vec<_> = keys.iter().map(|key| key.replace(' ', "\u{a0}")).collect();
        let text = keys.join("  ");
        (text, Style::new().fg(Color::DarkGray))
    };
    let most = usize::from(most);
    let unit = view
        .snapshot
        .as_ref()
        .map(|now| now.configuration.unit.clone());
    let selected = view.selected();
    let noted = selected.and_then(|line| line.note(&unit.unwrap_or_default()));
    let noted = noted.map(|note| wrap(&note, most, 2)).unwrap_or_default();
    let keys = wrap(&text, most, 0).into_iter();
    let keys = keys.map(|line| Line::styled(line.replace('\u{a0}', " "), style));
    noted.into_iter().map(Line::from).chain(keys).collect()
}

fn ask(frame: &mut Frame<'_>, order: &Order, has_store: bool) {
    let name = &order.name;
    let from = if has_store {
        "on all proxies of the fleet"
    } else {
        "from this proxy"
    };
    let question = if order.is_draining {
        format!("Drain {name}? It gets no new sessions {from}; its current ones go on.")
    } else {
        format!("Undrain {name}?")
    };
    let room = usize::from(frame.area().width.saturating_sub(4));
    let mut text: Text<'_> = wrap(&question, room, 0)
        .into_iter()
        .map(Line::from)
        .collect();
    for line in wrap("y: yes, any other key: no", room, 0) {
        text.push_line(line.dark_gray());
    }
    let width = u16::try_from(text.width() + 4).unwrap_or(u16::MAX);
    let height = lines(&text).saturating_add(2);
    let area = frame
        .area()
        .centered(Constraint::Max(width), Constraint::Length(height));
    frame.render_widget(Clear, area);
    frame.render_widget(
        Paragraph::new(text).centered().block(Block::bordered()),
        area,
    );
}
