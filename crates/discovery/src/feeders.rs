//! The feeders of the configuration, against which every answer is held.
//!
//! A substation whose feeder is unknown would take charges without that feeder's limit, and one that is called like a
//! feeder would be taken for it. An answer with either is wrong as a whole, as one with an invalid target is.

use std::{collections::HashSet, fmt, sync::Arc};

use parking_lot::Mutex;

use switchyard_bounded::Shown;
use switchyard_config::Feeder;
use switchyard_target_groups::Found;

/// The names of feeders that all sources go by.
#[derive(Debug, Clone, Default)]
pub(super) struct FeederNames(Arc<Mutex<HashSet<String>>>);

/// A substation that does not fit the feeders.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misplaced {
    name: String,
    /// The feeder that is unknown; `None` if its own name is that of a feeder.
    feeder: Option<String>,
    /// How many others of the answer don't fit either.
    more: usize,
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Shown::value(&self.name);
        match &self.feeder {
            Some(feeder) => {
                let feeder = Shown::value(feeder);
                write!(
                    f,
                    "{name} names the feeder {feeder}, which is not one of `feeders`"
                )?;
            }
            None => write!(f, "{name} has the name of a feeder")?,
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, ", and {more} more don't fit the feeders"),
        }
    }
}

impl FeederNames {
    /// Goes by these feeders from now on. Whether they are others than before.
    pub(super) fn set(&self, feeders: &[Feeder]) -> bool {
        let names = feeders.iter().map(|feeder| feeder.name.clone()).collect();
        let mut known = self.0.lock();
        let is_other = *known != names;
        *known = names;
        is_other
    }

    /// Goes by these feeders too.
    pub(super) fn add(&self, feeders: &[Feeder]) {
        let names = feeders.iter().map(|feeder| feeder.name.clone());
        self.0.lock().extend(names);
    }

    pub(super) fn check(&self, found: &[Found]) -> Result<(), Misplaced> {
        check(found, |name| self.0.lock().contains(name))
    }
}

/// Whether all of `found` fit the feeders that there are.
pub(super) fn check(found: &[Found], is_feeder: impl Fn(&str) -> bool) -> Result<(), Misplaced> {
    let mut misplaced = found.iter().filter_map(|one| {
        let unknown = one.feeder.as_deref().filter(|feeder| !is_feeder(feeder));
        let fits = unknown.is_none() && !is_feeder(&one.name);
        (!fits).then(|| (one.name.clone(), unknown.map(ToOwned::to_owned)))
    });
    match misplaced.next() {
        None => Ok(()),
        Some((name, feeder)) => Err(Misplaced {
            name,
            feeder,
            more: misplaced.count(),
        }),
    }
}
