//! What the matching lines of a page add up to.
//!
//! A gauge that stands once a page needs no rule. Where there is one a queue, an engine or a feeder, the
//! configuration has to say what their load is together: nobody can tell from a page whether series are parts
//! of one load or views of the same. Without its word, several are none. With it the rule stays that a wrong
//! number is worse than none: one part that is no load spoils the whole, since the rest is not the whole; and
//! a page that may have been cut has no whole at all.

use super::{Found, line::Line};

/// What is made of several series that match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// Nothing: they are [`Found::Ambiguous`].
    #[default]
    Nothing,
    /// Their sum: parts of one load.
    Sum,
    /// The greatest: the fullest part decides.
    Max,
}

/// The lines read so far.
pub(super) struct Tally {
    aggregate: Aggregate,
    complete: bool,
    series: usize,
    value: f64,
    unusable: Option<f64>,
    malformed: bool,
}

impl Tally {
    /// Without a line yet; `complete` says that none of the page can be missing.
    pub(super) fn new(aggregate: Aggregate, complete: bool) -> Self {
        Self {
            aggregate,
            complete,
            series: 0,
            value: 0.0,
            unusable: None,
            malformed: false,
        }
    }

    pub(super) fn add(&mut self, line: Line) {
        match line {
            Line::Other => {}
            Line::Value(value) => {
                self.series += 1;
                if !is_load(value) {
                    self.unusable.get_or_insert(value);
                }
                self.value = match self.aggregate {
                    Aggregate::Nothing | Aggregate::Sum => self.value + value,
                    Aggregate::Max => self.value.max(value),
                };
            }
            Line::Malformed => self.malformed = true,
        }
    }

    pub(super) fn found(&self) -> Found {
        if self.malformed {
            return Found::Malformed;
        }
        match (self.series, self.aggregate, self.unusable) {
            (0, _, _) => Found::Missing,
            (2.., Aggregate::Nothing, _) => Found::Ambiguous,
            (_, _, Some(value)) => Found::Unusable(value),
            (_, Aggregate::Sum | Aggregate::Max, None) if !self.complete => Found::Partial,
            // Loads may add up to more than there are numbers for.
            _ if !is_load(self.value) => Found::Unusable(self.value),
            // It began as zero, so -0 has become 0; but a maximum may have taken the other one.
            _ => Found::One(self.value + 0.0),
        }
    }
}

fn is_load(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}
