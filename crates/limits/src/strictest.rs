//! What is in force for a name.

use std::sync::Arc;

use switchyard_balance::Load;

use crate::timestamp::Timestamp;

/// The most load that a source allows now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InForce {
    /// The most load.
    pub value: Load,
    /// Who has ordered it.
    pub source: Arc<str>,
    /// When it ends, if it does.
    pub until: Option<Timestamp>,
    /// Whether it is the fallback of a source that has fallen silent.
    pub is_fallback: bool,
}

impl InForce {
    /// The stricter of the two; if they are equal, the one whose source comes first by name.
    pub(crate) fn stricter(self, other: Self) -> Self {
        let rank = |one: &Self| (one.value, Arc::clone(&one.source));
        if rank(&other) < rank(&self) {
            other
        } else {
            self
        }
    }
}
