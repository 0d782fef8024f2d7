//! Which series of a metrics page is meant, as PromQL writes it: `vllm:num_requests_running{model_name="m"}`.
//!
//! Only what a byte scan can evaluate is accepted: `=` and `!=`. Patterns, ranges and functions are refused by name,
//! so that no operator waits for an expression that is never evaluated. One operation is read: `+` between series, since
//! the load of many servers is what runs and what waits, which they count apart.

mod parse;
#[cfg(test)]
mod tests;

pub use parse::SeriesError;
pub(crate) use parse::{quoted, word};

use std::{fmt, iter};
use strum::Display;

/// A metric and conditions on its labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Series {
    /// The metric's name.
    pub name: String,
    /// All of them must hold; without any, every series of the name matches.
    pub matchers: Vec<Matcher>,
    /// What is added to it: the series behind a `+`.
    pub plus: Option<Box<Series>>,
}

/// One condition on one label. A label that is absent counts as empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Matcher {
    /// The label's name.
    pub label: String,
    /// Whether the value is wanted or unwanted.
    pub op: MatchOp,
    /// The value, without quotes and escapes.
    pub value: String,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display)]
pub enum MatchOp {
    /// `=`: the label has this value.
    #[strum(to_string = "=")]
    Equal,
    /// `!=`: the label has any other value, or is absent.
    #[strum(to_string = "!=")]
    NotEqual,
}

impl Series {
    /// Every series of this name; `name` is known to be a metric's.
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            matchers: Vec::new(),
            plus: None,
        }
    }

    /// This series, and those that are added to it.
    pub fn terms(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |series| series.plus.as_deref())
    }

    /// Whether it is a single name, without conditions.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.matchers.is_empty() && self.plus.is_none()
    }

    /// The names of all of them, with ` + ` between them.
    #[must_use]
    pub fn names(&self) -> String {
        let names: Vec<_> = self.terms().map(|series| series.name.as_str()).collect();
        names.join(" + ")
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let mut before = "{";
        for matcher in &self.matchers {
            write!(f, "{before}{matcher}")?;
            before = ",";
        }
        if !self.matchers.is_empty() {
            f.write_str("}")?;
        }
        self.plus
            .as_ref()
            .map_or(Ok(()), |plus| write!(f, " + {plus}"))
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self
            .value
            .replace('\\', r"\\")
            .replace('"', r#"\""#)
            .replace('\n', r"\n");
        write!(f, "{}{}\"{value}\"", self.label, self.op)
    }
}
