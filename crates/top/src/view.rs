//! The state of the screen. Only keys and updates change it.

use std::{
    cmp::Ordering,
    collections::{HashMap, VecDeque},
    rc::Rc,
};

use ratatui::{
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    widgets::TableState,
};

use super::{
    client::{Order, Update},
    tree::{self, Line},
};
use switchyard_status::{StatusSnapshot, Substation};

/// How many snapshots' imbalances are kept: five minutes.
const KEPT: usize = 300;
/// From more lines than this on, feeders with substations are folded at first.
const MANY: usize = 60;
/// How many lines a page key moves by.
const PAGE: u16 = 10;

/// The sort key of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// The dead first, otherwise as in the configuration; below their feeders, if there are any.
    Configuration,
    Name,
    State,
    /// The fullest first.
    Used,
    Load,
    Unseen,
    /// The oldest sample first.
    Age,
    InFlight,
    Assigned,
}

impl Sort {
    const ALL: [Self; 9] = [
        Self::Configuration,
        Self::Name,
        Self::State,
        Self::Used,
        Self::Load,
        Self::Unseen,
        Self::Age,
        Self::InFlight,
        Self::Assigned,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Name => "name",
            Self::State => "state",
            Self::Used => "used",
            Self::Load => "load",
            Self::Unseen => "unseen",
            Self::Age => "age",
            Self::InFlight => "in flight",
            Self::Assigned => "assigned",
        }
    }

    fn next(self) -> Self {
        let at = Self::ALL.iter().position(|sort| *sort == self).unwrap_or(0);
        *Self::ALL.iter().cycle().nth(at + 1).unwrap_or(&self)
    }

    fn compare(self, a: &Substation, b: &Substation) -> Ordering {
        // Text sorts from A, numbers from the largest; unknown values come last.
        let number = |a: Option<f64>, b: Option<f64>| b.partial_cmp(&a).unwrap_or(Ordering::Equal);
        match self {
            Self::Configuration => b.is_dead().cmp(&a.is_dead()),
            Self::Name => a.name.cmp(&b.name),
            // The dead first, then from A.
            Self::State => (!a.is_dead(), &a.state).cmp(&(!b.is_dead(), &b.state)),
            Self::Used => number(fullness(a), fullness(b)),
            Self::Load => number(Some(a.estimated_load), Some(b.estimated_load)),
            Self::Unseen => number(Some(a.unseen_load), Some(b.unseen_load)),
            Self::Age => number(a.sample_age_seconds, b.sample_age_seconds),
            Self::InFlight => b.in_flight.cmp(&a.in_flight),
            Self::Assigned => b.assigned_total.cmp(&a.assigned_total),
        }
    }
}

/// The utilisation, or the load where no capacity is known.
fn fullness(one: &Substation) -> Option<f64> {
    one.utilisation().or(Some(one.estimated_load))
}

/// A key's command that is not for the view itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Quit,
    Drain(Order),
}

/// The state of the screen.
#[derive(Debug)]
pub(super) struct View {
    pub(super) address: String,
    /// Shared, so that drawing copies nothing.
    pub(super) snapshot: Option<Rc<StatusSnapshot>>,
    /// Why there is no newer snapshot; none while connected.
    pub(super) lost: Option<String>,
    pub(super) imbalances: VecDeque<f64>,
    pub(super) sort: Sort,
    pub(super) is_reversed: bool,
    /// Which feeders were unfolded, and which folded.
    unfolded: HashMap<String, bool>,
    /// What to do, until the user confirms.
    pub(super) question: Option<Order>,
    /// The outcome of the last command.
    pub(super) message: Option<String>,
    pub(super) table: TableState,
}

impl View {
    pub(super) fn new(address: String) -> Self {
        Self {
            address,
            snapshot: None,
            lost: None,
            imbalances: VecDeque::with_capacity(KEPT),
            sort: Sort::Configuration,
            is_reversed: false,
            unfolded: HashMap::new(),
            question: None,
            message: None,
            table: TableState::new().with_selected(0),
        }
    }

    /// Whether the table shows the tree. Other orders than the configuration's compare all substations.
    pub(super) fn is_tree(&self) -> bool {
        self.has_feeders() && self.sort == Sort::Configuration
    }

    /// Whether there are feeders.
    pub(super) fn has_feeders(&self) -> bool {
        let mut snapshots = self.snapshot.iter();
        snapshots.any(|snapshot| !snapshot.feeders.is_empty())
    }

    /// The lines of the table.
    pub(super) fn rows(&self) -> Vec<Line<'_>> {
        let Some(snapshot) = self.snapshot.as_deref().filter(|_| self.is_tree()) else {
            return self.substations().into_iter().map(Line::of).collect();
        };
        let is_many = snapshot.feeders.len() + snapshot.substations.len() > MANY;
        let is_open = |name: &str, has_substations: bool| {
            let chosen = self.unfolded.get(name).copied();
            chosen.unwrap_or(!is_many || !has_substations)
        };
        tree::lines(snapshot, self.substations(), is_open)
    }

    /// The substations in the order of the table.
    fn substations(&self) -> Vec<&Substation> {
        let mut rows: Vec<_> = self
            .snapshot
            .iter()
            .flat_map(|snapshot| snapshot.substations.iter())
            .collect();
        rows.sort_by(|a, b| self.sort.compare(a, b));
        if self.is_reversed {
            rows.reverse();
        }
        rows
    }

    pub(super) fn selected(&self) -> Option<Line<'_>> {
        self.rows().get(self.table.selected()?).copied()
    }

    /// Folds or unfolds the selected feeder, or moves between it and what is below it.
    fn fold(&mut self, key: KeyCode) {
        let Some(line) = self.selected() else { return };
        let name = line.level.name().to_owned();
        let open = match (key, line.is_open) {
            (KeyCode::Left | KeyCode::Char('h'), Some(true)) => false,
            (KeyCode::Left | KeyCode::Char('h'), _) => {
                let (at, depth) = (self.table.selected().unwrap_or(0), line.depth);
                let above = self.rows();
                let above = above.iter().take(at).rposition(|one| one.depth < depth);
                self.table.select(above.or(Some(at)));
                return;
            }
            (KeyCode::Right | KeyCode::Char('l'), Some(true)) => {
                self.table.select_next();
                return;
            }
            (_, Some(is_open)) => !is_open,
            (_, None) => return,
        };
        self.unfolded.insert(name, open);
    }

    /// Folds all feeders; unfolds all if none is open.
    fn fold_all(&mut self) {
        let is_any_open = self.rows().iter().any(|line| line.is_open == Some(true));
        let snapshot = self.snapshot.clone();
        for one in snapshot.iter().flat_map(|snapshot| &snapshot.feeders) {
            self.unfolded.insert(one.name.clone(), !is_any_open);
        }
        self.table.select_first();
    }

    /// Shows the outcome of a command.
    pub(super) fn report(&mut self, done: Result<(), String>) {
        self.message = Some(match done {
            Ok(()) => "Done.".to_owned(),
            Err(why) => format!("Failed: {why}"),
        });
    }

    /// Handles a key.
    pub(super) fn key(&mut self, key: KeyEvent) -> Option<Command> {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Some(Command::Quit);
        }
        self.message = None;
        if let Some(order) = self.question.take() {
            let is_confirmed = matches!(key.code, KeyCode::Char('y' | 'Y'));
            return is_confirmed.then_some(Command::Drain(order));
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Some(Command::Quit),
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('r') => self.is_reversed = !self.is_reversed,
            KeyCode::Char('d') => {
                let of = |one: &Substation| Order {
                    name: one.name.clone(),
                    is_draining: one.state != "draining",
                    is_local: one.drain.as_ref().is_some_and(|drain| drain.local),
                };
                let one = self.selected().and_then(|line| line.level.substation());
                self.question = one.map(of);
                if self.question.is_none() && self.selected().is_some() {
                    let why = "A feeder is not drained; drain its substations.";
                    self.message = Some(why.to_owned());
                }
            }
            KeyCode::Left | KeyCode::Right | KeyCode::Enter | KeyCode::Char('h' | 'l' | ' ')
                if self.is_tree() =>
            {
                self.fold(key.code);
            }
            KeyCode::Char('f') if self.is_tree() => self.fold_all(),
            KeyCode::Down | KeyCode::Char('j') => self.table.select_next(),
            KeyCode::Up | KeyCode::Char('k') => self.table.select_previous(),
            KeyCode::PageDown => self.table.scroll_down_by(PAGE),
            KeyCode::PageUp => self.table.scroll_up_by(PAGE),
            KeyCode::Home => self.table.select_first(),
            KeyCode::End => self.table.select_last(),
            _ => {}
        }
        None
    }
}

impl Extend<Update> for View {
    fn extend<T: IntoIterator<Item = Update>>(&mut self, updates: T) {
        for update in updates {
            match update {
                // After a lost connection what was seen is known better.
                Update::Past(past) if self.imbalances.is_empty() => {
                    let skipped = past.len().saturating_sub(KEPT);
                    self.imbalances.extend(past.into_iter().skip(skipped));
                }
                Update::Past(_) => {}
                Update::Snapshot(snapshot) => {
                    if self.imbalances.len() == KEPT {
                        self.imbalances.pop_front();
                    }
                    self.imbalances
                        .push_back(snapshot.balance.imbalance.unwrap_or(1.0));
                    self.snapshot = Some(Rc::from(snapshot));
                    self.lost = None;
                }
                Update::Lost(why) => self.lost = Some(why),
            }
        }
    }
}
