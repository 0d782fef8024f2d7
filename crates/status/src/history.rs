//! The answer of `/history`: the last five minutes of the few numbers that the live page draws as lines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The values of one number, the oldest first; null where it was unknown.
pub type Values = Vec<Option<f32>>;

/// The answer of `/history`. All series end at the same moment.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct History {
    /// When the last values were taken, in seconds since the Unix epoch.
    pub unix_seconds: f64,
    /// The time between two values, in seconds.
    pub step_seconds: f64,
    /// Of the whole grid, by the names that the values have in a snapshot.
    pub series: BTreeMap<String, Values>,
    /// The utilisation of each substation, its load where no capacity is known; none of these where there are too many
    /// for a line each.
    pub substations: BTreeMap<String, Values>,
}
