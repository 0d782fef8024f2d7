//! What requests select by, made from one configuration for its grid.

use std::{collections::HashMap, sync::Arc};

use switchyard_config::{Config, Select, SelectFrom};
use switchyard_grid::Grid;
use switchyard_selection::{LabelSet, Rule, Selections, Source};

/// The rules of `select`, and the labels of the configuration's substations at their positions in the grid. None without
/// rules.
pub(super) fn of(select: &[Select], config: &Config, grid: &Grid) -> Option<Arc<Selections>> {
    if select.is_empty() {
        return None;
    }
    let labelled = config.substations.iter();
    let labelled: HashMap<_, _> = labelled
        .map(|one| (one.name.as_str(), &one.labels))
        .collect();
    let none = LabelSet::new();
    let labels = grid.substations().iter();
    let labels = labels.map(|one| labelled.get(one.name()).copied().unwrap_or(&none));
    let labels: Vec<_> = labels.collect();
    let rules = select.iter().map(rule).collect();
    Selections::new(rules, &labels).map(Arc::new)
}

fn rule(select: &Select) -> Rule {
    Rule {
        label: select.label.clone(),
        source: match &select.from {
            SelectFrom::Field(name) => Source::Field(name.clone()),
            SelectFrom::Header(name) => Source::Header(name.clone()),
        },
        is_preference: select.prefer,
        spill_at: select.spill_at,
        is_number: select.at_least,
    }
}
