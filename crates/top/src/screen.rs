//! The screen: health, balance, each substation, and the last choices. A pure function of the view.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style, Stylize},
    text::{Line, Span, Text},
    widgets::{Block, Clear, Paragraph, Row, Sparkline, Table},
};

use super::{
    format::{NONE, age, count, load, number, percent, seconds},
    view::{Sort, View},
};
use switchyard_status::{Decision, Level, StatusSnapshot, Substation, Traffic, Verdict};

/// The width of a substation's bar, in cells.
const BAR: usize = 24;
/// How many choices are shown.
const DECISIONS: usize = 4;
/// How many findings are shown below the first.
const FINDINGS: usize = 3;

/// Draws the whole screen.
pub(super) fn draw(frame: &mut Frame<'_>, view: &mut View) {
    let Some(snapshot) = view.snapshot.clone() else {
        let why = view.lost.as_deref().unwrap_or("connecting …");
        let text = format!("{}: {why}\n\nq quits", view.address);
        frame.render_widget(Paragraph::new(text), frame.area());
        return;
    };
    let findings = snapshot
        .verdict
        .findings
        .len()
        .saturating_sub(1)
        .min(FINDINGS);
    let [verdict, numbers, table, decisions, foot] = Layout::vertical([
        Constraint::Length(u16::try_from(2 + findings).unwrap_or(2)),
        Constraint::Length(3),
        Constraint::Min(4),
        Constraint::Length(u16::try_from(1 + DECISIONS).unwrap_or(1)),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(health(&snapshot, findings), verdict);
    figures(frame, numbers, view, &snapshot);
    substations(frame, table, view, &snapshot);
    frame.render_widget(choices(&snapshot), decisions);
    frame.render_widget(footer(view), foot);
    if let Some((name, is_draining)) = &view.question {
        ask(frame, name, *is_draining);
    }
}

fn tone(level: Level) -> (Color, &'static str) {
    match level {
        Level::Healthy => (Color::Green, "✓"),
        Level::Notice => (Color::Yellow, "!"),
        Level::Trouble => (Color::Red, "✗"),
    }
}

fn health(snapshot: &StatusSnapshot, more: usize) -> Text<'static> {
    let StatusSnapshot {
        verdict: Verdict {
            level,
            sentence,
            findings,
        },
        balance,
        configuration,
        ..
    } = snapshot;
    let (color, sign) = tone(*level);
    let style = Style::new().fg(color).add_modifier(Modifier::BOLD);
    let mut text = Text::from(Line::styled(format!("{sign} {sentence}"), style));
    for finding in findings.iter().skip(1).take(more) {
        let (color, sign) = tone(finding.level);
        text.push_line(Line::styled(format!("  {sign} {}", finding.text), color));
    }
    let unit = &configuration.unit;
    let all = match balance.capacity {
        capacity if capacity > 0.0 => format!(
            "Total {} of {}.",
            load(Some(balance.load), unit),
            load(Some(capacity), unit)
        ),
        _ => format!("Total {}.", load(Some(balance.load), unit)),
    };
    text.push_line(match &balance.fullest {
        None => Line::from("  No load."),
        Some(fullest) => Line::from(vec![
            "  Fullest: ".into(),
            fullest.name.clone().bold(),
            ", ".into(),
            match fullest.utilisation {
                Some(part) => percent(Some(part), 1).bold(),
                None => load(Some(fullest.estimated_load), unit).bold(),
            },
            format!(". {all}").into(),
        ]),
    });
    text
}

fn figures(frame: &mut Frame<'_>, area: Rect, view: &View, snapshot: &StatusSnapshot) {
    let Traffic {
        per_second,
        success,
        p50_seconds,
        p99_seconds,
        refused_per_second,
        ..
    } = snapshot.traffic;
    let rate = |rate: Option<f64>| {
        rate.map_or_else(|| NONE.to_owned(), |rate| format!("{}/s", number(rate)))
    };
    let oldest = snapshot.balance.oldest_sample.as_ref();
    let imbalance = snapshot.balance.imbalance;
    let shown = [
        ("requests", rate(per_second)),
        ("success", percent(success, 2)),
        ("p50", seconds(p50_seconds)),
        ("p99", seconds(p99_seconds)),
        ("refused", rate(refused_per_second)),
        (
            "oldest sample",
            age(oldest.map(|oldest| oldest.age_seconds)),
        ),
        (
            "imbalance",
            imbalance.map_or_else(|| NONE.to_owned(), |index| format!("{index:.3}")),
        ),
    ];
    let columns = Layout::horizontal([Constraint::Fill(1); 8])
        .spacing(1)
        .split(area);
    for ((title, value), area) in shown.into_iter().zip(columns.iter()) {
        let text = Text::from(vec![
            "".into(),
            title.dark_gray().into(),
            value.bold().into(),
        ]);
        frame.render_widget(text, *area);
    }
    if let Some(area) = columns.last() {
        let above: Vec<_> = view
            .imbalances
            .iter()
            .map(|index| thousandths(index - 1.0))
            .collect();
        let shown = above.len().saturating_sub(usize::from(area.width));
        let newest = above.get(shown..).unwrap_or_default();
        frame.render_widget(Sparkline::default().data(newest).max(200).blue(), *area);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small positive number, for a chart"
)]
fn thousandths(value: f64) -> u64 {
    (value.max(0.0) * 1_000.0) as u64
}

fn substations(frame: &mut Frame<'_>, area: Rect, view: &mut View, snapshot: &StatusSnapshot) {
    let unit = snapshot.configuration.unit.as_ref();
    let rows = view.rows();
    let scale = rows
        .iter()
        .flat_map(|one| [one.capacity, Some(one.estimated_load)])
        .flatten()
        .fold(0.0, f64::max);
    let fullest = snapshot
        .balance
        .fullest
        .as_ref()
        .map(|one| one.name.as_str());
    let lines = rows.iter().map(|one| row(one, unit, scale, fullest));
    let title = format!(
        " {} substations, by {}{} ",
        rows.len(),
        view.sort.name(),
        if view.is_reversed { ", reversed" } else { "" }
    );
    let widths = [
        Constraint::Min(12),
        Constraint::Length(9),
        Constraint::Length(8),
        Constraint::Length(u16::try_from(BAR).unwrap_or(0)),
        Constraint::Length(12),
        Constraint::Length(12),
        Constraint::Length(10),
        Constraint::Length(8),
        Constraint::Length(6),
        Constraint::Length(9),
    ];
    let heads = [
        "substation",
        "state",
        "used",
        "sample █ unseen ▒ of │",
        "load",
        "capacity",
        "unseen",
        "age",
        "flight",
        "assigned",
    ];
    // Aligned like their columns: text to the left, numbers to the right.
    let heads = heads.into_iter().enumerate().map(|(at, head)| {
        let head = Text::from(head).dark_gray();
        if matches!(at, 0 | 1 | 3) {
            head
        } else {
            head.right_aligned()
        }
    });
    let is_by_name = matches!(view.sort, Sort::Name | Sort::Configuration);
    let table = Table::new(lines, widths)
        .header(Row::new(heads))
        .block(Block::new().title(if is_by_name {
            title.dark_gray()
        } else {
            title.bold()
        }))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_stateful_widget(table, area, &mut view.table);
}

fn row(one: &Substation, unit: &str, scale: f64, fullest: Option<&str>) -> Row<'static> {
    let color = match (one.in_rotation, one.state.as_ref()) {
        (true, "up") => Color::Reset,
        (true, _) => Color::Yellow,
        (false, _) => Color::Red,
    };
    let name = if fullest == Some(one.name.as_str()) {
        format!("{} ◂", one.name).bold()
    } else {
        one.name.clone().into()
    };
    let right = |text: String| Text::from(text).right_aligned();
    Row::new([
        Text::from(name),
        Text::from(Span::styled(one.state.to_string(), color)),
        right(percent(one.utilisation(), 1)),
        Text::from(Span::styled(
            bar(one, scale),
            if color == Color::Reset {
                Color::Blue
            } else {
                color
            },
        )),
        right(load(Some(one.estimated_load), unit)),
        right(load(one.capacity, unit)),
        right(load(Some(one.unseen_load), unit)),
        right(age(one.sample_age_seconds)),
        right(count(one.in_flight)),
        right(count(one.assigned_total)),
    ])
}

/// The bar of a substation: the sampled load, the unseen load, and a line at the capacity.
fn bar(one: &Substation, scale: f64) -> String {
    let known = cells(
        one.current_load.unwrap_or(0.0).min(one.estimated_load),
        scale,
    );
    let all = cells(one.estimated_load, scale);
    let capacity = one
        .capacity
        .map(|capacity| cells(capacity, scale).max(1) - 1);
    (0..BAR)
        .map(|at| match at {
            _ if Some(at) == capacity => '│',
            _ if at < known => '█',
            _ if at < all => '▒',
            _ if capacity.is_some_and(|capacity| at < capacity) => '·',
            _ => ' ',
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of the bar's cells"
)]
fn cells(value: f64, scale: f64) -> usize {
    if scale > 0.0 {
        ((value / scale).clamp(0.0, 1.0) * BAR as f64).round() as usize
    } else {
        0
    }
}

fn choices(snapshot: &StatusSnapshot) -> Text<'static> {
    let mut text = Text::from("last choices".dark_gray());
    for Decision {
        load: placed,
        substation,
        reason,
        candidates,
        ..
    } in snapshot.decisions.iter().take(DECISIONS)
    {
        let score = |score: Option<f64>| {
            score.map_or_else(|| NONE.to_owned(), |score| format!("{score:.4}"))
        };
        let scores: Vec<_> = candidates
            .iter()
            .map(|one| format!("{} {}", one.substation, score(one.score)))
            .collect();
        text.push_line(Line::from(vec![
            format!(
                "{:>9} → ",
                load(Some(*placed), &snapshot.configuration.unit)
            )
            .into(),
            substation.clone().bold(),
            format!("  {reason}  ").into(),
            scores.join(" · ").dark_gray(),
        ]));
    }
    text
}

fn footer(view: &View) -> Line<'static> {
    if let Some(why) = &view.lost {
        let text = format!(
            "Not connected to {}: {why}. Showing old data.",
            view.address
        );
        return Line::styled(
            text,
            Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        );
    }
    if let Some(message) = &view.message {
        return message.clone().bold().into();
    }
    "q quit  ↑↓ move  s next sort key  r reverse  d drain or undrain"
        .dark_gray()
        .into()
}

fn ask(frame: &mut Frame<'_>, name: &str, is_draining: bool) {
    let text = if is_draining {
        format!("Drain {name}? It gets no new sessions; its current ones go on.")
    } else {
        format!("Undrain {name}?")
    };
    let text = Text::from(vec![
        text.into(),
        "y: yes, any other key: no".dark_gray().into(),
    ]);
    let width = u16::try_from(text.width() + 4).unwrap_or(u16::MAX);
    let area = frame
        .area()
        .centered(Constraint::Max(width), Constraint::Length(4));
    frame.render_widget(Clear, area);
    frame.render_widget(
        Paragraph::new(text).centered().block(Block::bordered()),
        area,
    );
}
