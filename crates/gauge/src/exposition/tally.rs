//! Combines the matching lines of a page into one result.
//!
//! A gauge that occurs once on a page needs no rule. If a page has a gauge for each queue, engine or feeder, the
//! configuration must say how they combine: a page does not show whether its series are parts of one load or
//! views of the same load. Without that setting, several series give no value. With it, a wrong number is still
//! worse than none: one part that is not a load makes the whole unusable, and a page that may have been cut has no
//! whole at all.

use super::{Found, Wanted, line::Line};

/// How several matching series are combined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// Not at all: they are [`Found::Ambiguous`].
    #[default]
    Nothing,
    /// Their sum: parts of one load.
    Sum,
    /// Their maximum: the fullest part decides.
    Max,
}

/// The lines read so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    series: usize,
    sum: f64,
    most: f64,
    unusable: Option<f64>,
    malformed: bool,
    /// Those of the series that are added; empty, and without memory, where there are none.
    others: Vec<Tally>,
}

impl Tally {
    /// A tally for each of the series that are added, beside its series.
    pub(super) fn others<'w>(
        &mut self,
        plus: &'w [Wanted],
    ) -> impl Iterator<Item = (&'w Wanted, &mut Self)> {
        self.others.resize_with(plus.len(), Self::default);
        plus.iter().zip(&mut self.others)
    }

    pub(super) fn add(&mut self, line: Line) {
        match line {
            Line::Other => {}
            Line::Value(value) => {
                self.series += 1;
                if !is_load(value) {
                    self.unusable.get_or_insert(value);
                }
                self.sum += value;
                self.most = self.most.max(value);
            }
            Line::Malformed => self.malformed = true,
        }
    }

    /// Adds a line that can't be read.
    pub(super) fn add_malformed(&mut self) {
        self.malformed = true;
    }

    /// The result; `complete` says that no part of the page can be missing.
    pub(super) fn found(&self, aggregate: Aggregate, complete: bool) -> Found {
        if self.malformed {
            return Found::Malformed;
        }
        let value = match aggregate {
            Aggregate::Nothing | Aggregate::Sum => self.sum,
            Aggregate::Max => self.most,
        };
        match (self.series, aggregate, self.unusable) {
            (0, _, _) => Found::Missing,
            (series @ 2.., Aggregate::Nothing, _) => Found::Ambiguous(series),
            (_, _, Some(value)) => Found::Unusable(value),
            (_, Aggregate::Sum | Aggregate::Max, None) if !complete => Found::Partial,
            // The sum of several loads may overflow to infinity.
            _ if !is_load(value) => Found::Unusable(value),
            // A sum starts at 0, so it is never -0, but a maximum may be.
            _ => Found::One(value + 0.0),
        }
    }
}

fn is_load(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}
