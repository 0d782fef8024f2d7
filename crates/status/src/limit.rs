//! Limits that come and go, and how near a load is to what bounds it.

use serde::{Deserialize, Serialize};

/// From this utilisation on a level counts as full.
const FULL: f64 = 0.98;

/// A limit in force: of several the strictest.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Limit {
    /// The most load that it allows.
    pub value: f64,
    /// Who set it.
    pub source: String,
    /// Its end, as RFC 3339; null where it has none.
    pub until: Option<String>,
    /// Whether the source fell silent, so that its fallback is in force.
    pub fallback_in_force: bool,
}

/// A load divided by its bound, if that is known and not zero.
pub(crate) fn utilisation(load: f64, bound: Option<f64>) -> Option<f64> {
    bound.filter(|bound| *bound > 0.0).map(|bound| load / bound)
}

/// Whether that load leaves no room below the bound.
pub(crate) fn is_full(load: f64, bound: Option<f64>) -> bool {
    bound.is_some_and(|bound| load >= FULL * bound)
}

/// The least of a capacity and a limit.
pub(crate) fn bound(capacity: Option<f64>, limit: Option<&Limit>) -> Option<f64> {
    let values = capacity.into_iter().chain(limit.map(|limit| limit.value));
    values.reduce(f64::min)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A limit of this value, set by `dso`.
    pub(crate) fn limit(value: f64) -> Limit {
        Limit {
            value,
            source: "dso".to_owned(),
            until: None,
            fallback_in_force: false,
        }
    }
}
