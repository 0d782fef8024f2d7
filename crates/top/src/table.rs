//! The table of the substations.
//!
//! Where there is no room for all columns, whole columns are left out, the least important first: a number without its
//! first digits is a wrong number.

use std::collections::HashSet;

use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    style::{Color, Modifier, Style, Stylize},
    text::{Span, Text},
    widgets::{Block, Row, Table},
};

use super::{
    bar::bar,
    format::{age, count, load, percent},
    level::Level,
    text::{Names, width},
    tree::Line,
    view::{Sort, View},
};
use switchyard_status::StatusSnapshot;

/// The least and the greatest width of a substation's bar, in cells.
const BAR: (usize, usize) = (8, 24);
/// A name is shortened to this before a column is left out.
const NAME: usize = 14;
/// What stands behind the name of the fullest substation.
const FULLEST: &str = " ◂";
/// What stands behind the name of a level that binds a branch of the tree.
const BINDS: &str = " ◆";
/// What stands behind one that is both.
const BOTH: &str = " ◆◂";
/// Below this width of the names the tree is indented by one cell a level and not by two.
const INDENTED: usize = 30;

/// A column beside the name and the bar.
struct Column {
    head: &'static str,
    /// The least width: its usual texts, so that columns stay where they are.
    least: usize,
    /// What is kept longest has the lowest number; the bar has [`BAR_RANK`].
    rank: u8,
    cell: fn(Level<'_>, &str) -> String,
}

const BAR_RANK: u8 = 5;

const STATE: usize = 0;
const COLUMNS: [Column; 8] = [
    Column {
        head: "state",
        least: 8,
        rank: 2,
        cell: |one, _| one.state().to_owned(),
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
        cell: |one, unit| load(Some(one.estimated_load()), unit),
    },
    Column {
        head: "capacity",
        least: 8,
        rank: 4,
        cell: |one, unit| one.room(unit),
    },
    Column {
        head: "unseen",
        least: 7,
        rank: 8,
        cell: |one, unit| {
            one.substation()
                .map_or_else(String::new, |one| load(Some(one.unseen_load), unit))
        },
    },
    Column {
        head: "age",
        least: 5,
        rank: 6,
        cell: |one, _| age(one.sample_age_seconds()),
    },
    Column {
        head: "flight",
        least: 6,
        rank: 7,
        cell: |one, _| {
            one.substation()
                .map_or_else(String::new, |one| count(one.in_flight))
        },
    },
    Column {
        head: "assigned",
        least: 8,
        rank: 9,
        cell: |one, _| {
            one.substation()
                .map_or_else(String::new, |one| count(one.assigned_total))
        },
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
        .map(|line| {
            COLUMNS
                .each_ref()
                .map(|column| (column.cell)(line.level, unit))
        })
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
    let is_tree = view.is_tree();
    let binding: HashSet<_> = snapshot
        .substations
        .iter()
        .filter_map(|one| one.binding.as_deref())
        .collect();
    let marks = |one: Level<'_>| match (binding.contains(one.name()), fullest == Some(one.name())) {
        (true, true) => BOTH,
        (true, false) => BINDS,
        (false, true) => FULLEST,
        (false, false) => "",
    };
    let longest = |line: &Line<'_>| indent(line, 2, is_tree) + width(line.level.name());
    let longest = rows.iter().map(longest).max().unwrap_or(0);
    let most = if binding.is_empty() { FULLEST } else { BOTH };
    let name = (longest + width(most)).max(width(NAME_HEAD));
    let plan = Plan::new(widths, name, usize::from(area.width));
    let scale = rows
        .iter()
        .flat_map(|line| [line.level.bound(), Some(line.level.estimated_load())])
        .flatten()
        .fold(0.0, f64::max);
    let lines: Vec<_> = rows
        .iter()
        .zip(cells)
        .map(|(line, cells)| {
            let one = line.level;
            let mark = marks(one);
            let step = if plan.name < INDENTED { 1 } else { 2 };
            let before = indent(line, step, is_tree).min(plan.name / 2);
            let room = plan.name.saturating_sub(width(mark) + before);
            let (names, is_bold) = match one {
                Level::Feeder(_) => (Names::default(), true),
                Level::Substation(_) => (names, mark.ends_with(FULLEST.trim())),
            };
            let twist = match line.is_open {
                _ if !is_tree => "",
                Some(true) => "▾ ",
                Some(false) => "▸ ",
                None => "  ",
            };
            let name = format!("{twist:>before$}{}{mark}", names.shorten(one.name(), room));
            let name = if is_bold { name.bold() } else { name.into() };
            // In the tree each level is compared with itself: a bar of a transformer would dwarf the others.
            let own = line.level.bound().unwrap_or(0.0).max(one.estimated_load());
            row(one, name, cells, &plan, if is_tree { own } else { scale })
        })
        .collect();
    let feeders = match snapshot.feeders.len() {
        0 => String::new(),
        1 => "1 feeder and ".to_owned(),
        count => format!("{count} feeders and "),
    };
    let title = format!(
        " {feeders}{} substations, by {}{} ",
        snapshot.substations.len(),
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
    one: Level<'_>,
    name: Span<'static>,
    cells: [String; COLUMNS.len()],
    plan: &Plan,
    scale: f64,
) -> Row<'static> {
    let is_in_rotation = one.substation().is_none_or(|one| one.in_rotation);
    let color = match (is_in_rotation, one.state()) {
        (true, "up") => Color::Reset,
        (true, "full") | (false, _) => Color::Red,
        (true, _) => Color::Yellow,
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

/// How many cells stand before a name in the tree: the way down to it, and whether it is folded.
const fn indent(line: &Line<'_>, step: usize, is_tree: bool) -> usize {
    if is_tree { line.depth * step + 2 } else { 0 }
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
