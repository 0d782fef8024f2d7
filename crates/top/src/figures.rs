//! The numbers of the traffic and of the balance, in as many lines as they need, and the course of the imbalance.

use ratatui::{
    Frame,
    layout::Rect,
    style::Stylize,
    text::{Line, Span, Text},
    widgets::Sparkline,
};

use super::{
    format::{NONE, age, number, percent, seconds},
    text::width,
    view::View,
};
use switchyard_status::{StatusSnapshot, Traffic};

/// The least width of a figure, so that a digit more moves none of the others.
const LEAST: usize = 8;
/// The cells between two figures.
const SPACE: usize = 2;
/// The course of the imbalance takes this many cells, if they are left.
const COURSE: (u16, u16) = (6, 40);

/// A figure: its title and its value.
type Figure = (&'static str, String);

/// The figures in lines that fit.
pub(super) struct Figures(Vec<Vec<Figure>>);

fn cells((title, value): &Figure) -> usize {
    width(title).max(width(value)).max(LEAST)
}

impl Figures {
    /// The figures of this snapshot, in lines of at most `most` cells.
    pub(super) fn of(snapshot: &StatusSnapshot, most: u16) -> Self {
        let mut lines = vec![Vec::new()];
        let mut taken = 0;
        for figure in all(snapshot) {
            let needs = cells(&figure);
            if taken > 0 && taken + needs > usize::from(most) {
                lines.push(Vec::new());
                taken = 0;
            }
            taken += needs + SPACE;
            if let Some(line) = lines.last_mut() {
                line.push(figure);
            }
        }
        Self(lines)
    }

    /// How many lines of the terminal they take.
    pub(super) fn height(&self) -> u16 {
        u16::try_from(1 + 2 * self.0.len()).unwrap_or(u16::MAX)
    }

    /// Draws them, and the course of the imbalance where there is room beside the last.
    pub(super) fn draw(self, frame: &mut Frame<'_>, area: Rect, view: &View) {
        let mut text = Text::from("");
        let mut taken = 0;
        let shown = self.0.len();
        for line in self.0 {
            taken = line.iter().map(|figure| cells(figure) + SPACE).sum();
            let (mut titles, mut values) = (Line::default(), Line::default());
            for figure in line {
                let room = cells(&figure) + SPACE;
                let (title, value) = figure;
                titles.push_span(Span::from(format!("{title:room$}")).dark_gray());
                values.push_span(Span::from(format!("{value:room$}")).bold());
            }
            text.push_line(titles);
            text.push_line(values);
        }
        frame.render_widget(text, area);
        let (least, most) = COURSE;
        let left = u16::try_from(taken).unwrap_or(u16::MAX);
        let above = u16::try_from(1 + 2 * (shown - 1)).unwrap_or(u16::MAX);
        let free = area.width.saturating_sub(left);
        if free < least || area.height < above + 2 {
            return;
        }
        let area = Rect {
            x: area.x + left,
            y: area.y + above,
            width: free.min(most),
            height: 2,
        };
        course(frame, area, view);
    }
}

fn all(snapshot: &StatusSnapshot) -> Vec<Figure> {
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
    let mut all = vec![
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
    // Beside what changes more often, so that the course of the imbalance stays last.
    if let Some(fleet) = &snapshot.fleet {
        all.insert(all.len() - 1, ("store", fleet.store.to_string()));
    }
    all
}

fn course(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let above: Vec<_> = view
        .imbalances
        .iter()
        .map(|index| thousandths(index - 1.0))
        .collect();
    let shown = above.len().saturating_sub(usize::from(area.width));
    let newest = above.get(shown..).unwrap_or_default();
    frame.render_widget(Sparkline::default().data(newest).max(200).blue(), area);
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small positive number, for a chart"
)]
fn thousandths(value: f64) -> u64 {
    (value.max(0.0) * 1_000.0) as u64
}
