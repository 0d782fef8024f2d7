//! Sources of limits that have fallen silent. What limits are in force is shown with what they are in force on.

use std::sync::Arc;

use switchyard_telemetry::{Label, Page};

/// What there is to show of one feeder or substation that has limits.
#[derive(Clone, Debug)]
pub struct LimitGauges {
    /// Its name.
    pub name: Arc<str>,
    /// How many sources have fallen silent, so that their fallbacks are in force.
    pub fallbacks: u64,
}

pub(super) fn write(page: &mut Page, limits: &[LimitGauges]) {
    let limits: Vec<_> = limits
        .iter()
        .map(|one| (Label::new(&one.name), one))
        .collect();
    let fallbacks = limits.iter().map(|(name, one)| (name, one.fallbacks));
    page.gauges(
        "limit_fallbacks",
        "Sources of limits that have fallen silent, so that their fallbacks are in force.",
    )
    .lines("name", None, fallbacks);
}
