//! Which substation a series is about: by the value of a label, which is an address or a name.

use std::{collections::HashMap, sync::Arc};

use crate::substation::Substation;

/// The substations of one grid, by their addresses and names.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) substations: Vec<Arc<Substation>>,
    /// `None` where two substations are called so.
    by_label: HashMap<String, Option<usize>>,
}

impl Index {
    pub(super) fn of(substations: &[Arc<Substation>]) -> Self {
        let mut by_label: HashMap<String, Option<usize>> = HashMap::new();
        for (at, substation) in substations.iter().enumerate() {
            let address = substation.address().to_string();
            // As written, where that is a host name and a port.
            let authority = substation.authority().to_string();
            for label in [address, authority, substation.name().to_owned()] {
                by_label
                    .entry(label)
                    .and_modify(|known| {
                        if *known != Some(at) {
                            *known = None;
                        }
                    })
                    .or_insert(Some(at));
            }
        }
        Self {
            substations: substations.to_vec(),
            by_label,
        }
    }

    /// The position of the substation that is called so.
    pub(super) fn find(&self, label: &str) -> Option<usize> {
        self.by_label.get(label).copied().flatten()
    }
}
