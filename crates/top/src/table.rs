//! The table of the substations.
//!
//! Where there is no room for all columns, whole columns are left out, the least important first: a number without its
//! first digits is a wrong number.

use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    style::{Color, Modifier, Style, Stylize},
    text::{Span, Text},
    widgets::{Block, Row, Table},
};

use super::{
    format::{age, count, load, percent},
    text::{Names, width},
    view::{Sort, View},
};
use switchyard_status::{StatusSnapshot, Substation};

/// The least and the greatest width of a substation's bar, in cells.
const BAR: (usize, usize) = (8, 24);
/// A name is shortened to this before a column is left out.
const NAME: usize = 14;
/// What stands behind the name of the fullest substation.
const FULLEST: &str = " ◂";

/// A column beside the name and the bar.
struct Column {
    head: &'static str,
    /// The least width: its usual texts, so that columns stay where they are.
    least: usize,
    /// What is kept longest has the lowest number; the bar has [`BAR_RANK`].
    rank: u8,
    cell: fn(&Substation, &str) -> String,
}

const BAR_RANK: u8 = 5;

const STATE: usize = 0;
const COLUMNS: [Column; 8] = [
    Column {
        head: "state",
        least: 8,
        rank: 2,
        cell: |one, _| one.state.to_string(),
    },
    Column {
        head: "used",
        least: 7,
        rank: 1,
        cell: |one, _| percent(one.utilisation(), 1),
    },
    Column {
        head: "load",
        least: 8,
        rank: 3,
        cell: |one, unit| load(Some(one.estimated_load), unit),
    },
    Column {
        head: "capacity",
        least: 8,
        rank: 4,
        cell: |one, unit| load(one.capacity, unit),
    },
    Column {
        head: "unseen",
        least: 7,
        rank: 8,
        cell: |one, unit| load(Some(one.unseen_load), unit),
    },
    Column {
        head: "age",
        least: 5,
        rank: 6,
        cell: |one, _| age(one.sample_age_seconds),
    },
    Column {
        head: "flight",
        least: 6,
        rank: 7,
        cell: |one, _| count(one.in_flight),
    },
    Column {
        head: "assigned",
        least: 8,
        rank: 9,
        cell: |one, _| count(one.assigned_total),
    },
];
/// The bar stands behind this many of the columns.
const BEFORE_BAR: usize = 2;

/// What is shown, and how wide.
struct Plan {
    name: usize,
    /// None if it is left out.
    bar: Option<usize>,
    /// As [`COLUMNS`]; none if it is left out.
    columns: [Option<usize>; COLUMNS.len()],
}

impl Plan {
    /// A plan for `most` cells, where the columns need `widths` and the longest name needs `name`.
    fn new(widths: [usize; COLUMNS.len()], name: usize, most: usize) -> Self {
        let mut plan = Self {
            name: name.min(NAME),
            bar: None,
            columns: [None; COLUMNS.len()],
        };
        let mut free = most.saturating_sub(plan.name);
        let mut ranked: Vec<_> = COLUMNS
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(at, (column, needs))| (column.rank, Some(at), needs))
            .chain([(BAR_RANK, None, BAR.0)])
            .collect();
        ranked.sort_unstable();
        for (_, at, needs) in ranked {
            // A blank goes before each column.
            let Some(left) = free.checked_sub(needs + 1) else {
                continue;
            };
            free = left;
            match at.and_then(|at| plan.columns.get_mut(at)) {
                Some(column) => *column = Some(needs),
                None => plan.bar = Some(needs),
            }
        }
        if let Some(bar) = &mut plan.bar {
            let more = free.min(BAR.1 - *bar);
            *bar += more;
            free -= more;
        }
        // The name has the rest, so that numbers stand at the right edge.
        plan.name = (plan.name + free).min(most);
        plan
    }
}

/// Draws the table.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    view: &mut View,
    snapshot: &StatusSnapshot,
    names: Names,
) {
    let unit = snapshot.configuration.unit.as_ref();
    let rows = view.rows();
    let cells: Vec<_> = rows
        .iter()
        .map(|one| COLUMNS.each_ref().map(|column| (column.cell)(one, unit)))
        .collect();
    let mut widths = COLUMNS.each_ref().map(|column| column.least);
    for row in &cells {
        for (most, cell) in widths.iter_mut().zip(row) {
            *most = width(cell).max(*most);
        }
    }
    let fullest = snapshot
        .balance
        .fullest
        .as_ref()
        .map(|one| one.name.as_str());
    let longest = rows.iter().map(|one| width(&one.name)).max().unwrap_or(0);
    let name = (longest + width(FULLEST)).max(width(NAME_HEAD));
    let plan = Plan::new(widths, name, usize::from(area.width));
    let scale = rows
        .iter()
        .flat_map(|one| [one.capacity, Some(one.estimated_load)])
        .flatten()
        .fold(0.0, f64::max);
    let lines: Vec<_> = rows
        .iter()
        .zip(cells)
        .map(|(one, cells)| {
            let is_fullest = fullest == Some(one.name.as_str());
            let mark = if is_fullest { FULLEST } else { "" };
            let room = plan.name.saturating_sub(width(mark));
            let name = format!("{}{mark}", names.shorten(&one.name, room));
            let name = if is_fullest { name.bold() } else { name.into() };
            row(one, name, cells, &plan, scale)
        })
        .collect();
    let title = format!(
        " {} substations, by {}{} ",
        rows.len(),
        view.sort.name(),
        if view.is_reversed { ", reversed" } else { "" }
    );
    let is_by_name = matches!(view.sort, Sort::Name | Sort::Configuration);
    let lengths = in_order(plan.name, plan.columns, plan.bar);
    let constraints =
        lengths.map(|length| Constraint::Length(u16::try_from(length).unwrap_or(u16::MAX)));
    let table = Table::new(lines, constraints)
        .header(Row::new(heads(&plan)))
        .block(Block::new().title(if is_by_name {
            title.dark_gray()
        } else {
            title.bold()
        }))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_stateful_widget(table, area, &mut view.table);
}

const NAME_HEAD: &str = "substation";

/// The cells of a line in the order of the table: the name, the columns that are shown, and between them the bar.
fn in_order<T>(
    name: T,
    columns: [Option<T>; COLUMNS.len()],
    bar: Option<T>,
) -> impl Iterator<Item = T> {
    let mut columns = columns.into_iter();
    let before: Vec<_> = columns.by_ref().take(BEFORE_BAR).flatten().collect();
    [name]
        .into_iter()
        .chain(before)
        .chain(bar)
        .chain(columns.flatten())
}

/// The heads, aligned like their columns: text to the left, numbers to the right.
fn heads(plan: &Plan) -> impl Iterator<Item = Text<'static>> {
    let mut columns = [const { None }; COLUMNS.len()];
    for (at, (head, column)) in columns.iter_mut().zip(&COLUMNS).enumerate() {
        let text = Text::from(column.head).dark_gray();
        let text = if at == STATE {
            text
        } else {
            text.right_aligned()
        };
        *head = plan.columns.get(at).copied().flatten().map(|_| text);
    }
    let bar = plan.bar.map(|room| {
        let heads = ["sample █ unseen ▒ of │", "█ and ▒ of │", "█ + ▒"];
        let head = heads.into_iter().find(|head| width(head) <= room);
        Text::from(head.unwrap_or("")).dark_gray()
    });
    in_order(Text::from(NAME_HEAD).dark_gray(), columns, bar)
}

fn row(
    one: &Substation,
    name: Span<'static>,
    cells: [String; COLUMNS.len()],
    plan: &Plan,
    scale: f64,
) -> Row<'static> {
    let color = match (one.in_rotation, one.state.as_ref()) {
        (true, "up") => Color::Reset,
        (true, _) => Color::Yellow,
        (false, _) => Color::Red,
    };
    let mut columns = [const { None }; COLUMNS.len()];
    for (at, (shown, cell)) in columns.iter_mut().zip(cells).enumerate() {
        if plan.columns.get(at).copied().flatten().is_some() {
            *shown = Some(if at == STATE {
                Text::from(Span::styled(cell, color))
            } else {
                Text::from(cell).right_aligned()
            });
        }
    }
    let bar = plan.bar.map(|room| {
        let color = if color == Color::Reset {
            Color::Blue
        } else {
            color
        };
        Text::from(Span::styled(bar(one, scale, room), color))
    });
    Row::new(in_order(Text::from(name), columns, bar))
}

/// The bar of a substation: the sampled load, the unseen load, and a line at the capacity.
fn bar(one: &Substation, scale: f64, room: usize) -> String {
    let known = part(
        one.current_load.unwrap_or(0.0).min(one.estimated_load),
        scale,
        room,
    );
    let all = part(one.estimated_load, scale, room);
    let capacity = one
        .capacity
        .map(|capacity| part(capacity, scale, room).max(1) - 1);
    (0..room)
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
fn part(value: f64, scale: f64, room: usize) -> usize {
    if scale > 0.0 {
        ((value / scale).clamp(0.0, 1.0) * room as f64).round() as usize
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_room_leaves_out_whole_columns_and_shortens_names_last() {
        let widths = COLUMNS.each_ref().map(|column| column.least);
        let shown = |most| {
            let plan = Plan::new(widths, 12, most);
            let columns: Vec<_> = COLUMNS
                .iter()
                .zip(plan.columns)
                .filter_map(|(column, room)| room.map(|_| column.head))
                .collect();
            (plan.name, plan.bar, columns.join(" "))
        };
        assert_eq!(
            shown(130),
            (
                40,
                Some(24),
                "state used load capacity unseen age flight assigned".to_owned()
            )
        );
        assert_eq!(
            shown(80),
            (
                12,
                Some(11),
                "state used load capacity unseen age flight".to_owned()
            )
        );
        assert_eq!(shown(50), (15, None, "state used load capacity".to_owned()));
        assert_eq!(shown(20), (12, None, "used".to_owned()));
        assert_eq!(shown(5), (5, None, String::new()));
        for most in 0..200 {
            let plan = Plan::new(widths, 40, most);
            let lengths: Vec<_> = in_order(plan.name, plan.columns, plan.bar).collect();
            let taken = lengths.iter().sum::<usize>() + lengths.len() - 1;
            assert!(taken <= most.max(NAME), "{most}: {lengths:?}");
        }
    }
}
