//! The labels of the substations of one grid.

use std::collections::BTreeMap;

use switchyard_config::Substation;

/// The labels of one substation, as written.
pub type Labels = BTreeMap<String, String>;

static NONE: Labels = Labels::new();

/// The labels of all substations, by position. Empty if none has any.
#[derive(Debug, Default)]
pub(crate) struct AllLabels(Box<[Labels]>);

impl AllLabels {
    /// The labels of `listed`, by position.
    pub(crate) fn of<'s>(listed: impl Iterator<Item = &'s Substation> + Clone) -> Self {
        let is_any = listed.clone().any(|one| !one.labels.is_empty());
        let labels = listed.filter(|_| is_any).map(|one| one.labels.clone());
        Self(labels.collect())
    }

    /// The labels of the substation at a position.
    pub(crate) fn at(&self, at: usize) -> &Labels {
        self.0.get(at).unwrap_or(&NONE)
    }
}
