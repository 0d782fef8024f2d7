//! What requests want that want the same.

use switchyard_balance::Mask;

use crate::rule::MOST_RULES;

/// What requests want that want the same.
#[derive(Clone, Debug)]
pub struct Selection {
    pub(crate) numbers: [u32; MOST_RULES],
    /// The label and the value by each rule that applies, to be shown.
    pub(crate) values: Box<[(Box<str>, String)]>,
    /// What they need, in words.
    pub(crate) words: Box<str>,
    /// What they need; none if they can use every substation. The rule that leaves none, if one does.
    pub(crate) needs: Result<Option<Mask>, usize>,
    pub(crate) number: u64,
    pub(crate) preferred: Box<[(Mask, Option<f64>)]>,
}

/// No substation has what a request needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no substation has {label} {value} and whatever else is needed")]
pub struct NoMatch {
    /// The label that leaves none.
    pub label: String,
    /// What the request needs of it.
    pub value: String,
    /// Whether some have that, but not together with what else the request needs.
    pub is_together: bool,
}

impl Selection {
    /// The substations that can be used; none if all can.
    #[must_use]
    #[inline]
    pub fn needs(&self) -> Option<&Mask> {
        self.needs.as_ref().ok()?.as_ref()
    }

    /// The groups of substations among them that are tried before all of them, in this order, and how full all of a group may
    /// be before others are used too. The first satisfies all preferences.
    #[must_use]
    #[inline]
    pub fn preferred(&self) -> &[(Mask, Option<f64>)] {
        &self.preferred
    }

    /// The same number for requests that can use the same substations of a grid; 0 for requests that can use all.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What is needed, in words; none if every substation can be used.
    #[must_use]
    pub fn needs_in_words(&self) -> Option<String> {
        (!self.words.is_empty()).then(|| self.words.to_string())
    }

    /// The label and the value by each rule that applies.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(label, value)| (&**label, value.as_str()))
    }
}
