//! Names of substations and feeders, which share one name space: `/limits/NAME` must mean one of them.

use std::{collections::HashMap, fmt::Display};

/// The rule that a value breaks which another key has.
pub(super) fn taken(value: &impl Display, owner: &str) -> String {
    format!("{value} is already used by {owner}")
}

/// The names that are taken, each with the path of its key.
#[derive(Default)]
pub(super) struct Names(HashMap<String, String>);

impl Names {
    /// Claims `name` for the key at `path`, unless another key has it.
    pub(super) fn claim(&mut self, name: String, path: &str) -> Result<String, String> {
        if let Some(owner) = self.0.get(&name) {
            return Err(taken(&name, owner));
        }
        self.0.insert(name.clone(), path.to_owned());
        Ok(name)
    }

    /// Whether a substation has the name.
    pub(super) fn is_substation(&self, name: &str) -> bool {
        let owner = self.0.get(name);
        owner.is_some_and(|path| path.starts_with("substations"))
    }
}
