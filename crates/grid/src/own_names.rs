//! The substations by what they call themselves, as far as it is known. All grids of a process share it.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::RwLock;

use crate::substation::Substation;

/// See the [module](self).
///
/// The substation that took a name last has it, while it lives: a pod that is replaced keeps its name and gets another
/// address. But a substation that is also listed under its own name keeps that name.
#[derive(Debug, Default)]
pub(crate) struct OwnNames(RwLock<HashMap<String, Weak<Substation>>>);

impl OwnNames {
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Substation>> {
        self.0.read().get(name)?.upgrade()
    }

    /// Gives `name` to `substation`. Returns the other one that has called itself so until now.
    pub(crate) fn claim(
        &self,
        name: &str,
        substation: &Arc<Substation>,
    ) -> Option<Arc<Substation>> {
        let mut names = self.0.write();
        let before = names.get(name).and_then(Weak::upgrade);
        let before = before.filter(|before| before != substation);
        if before.as_ref().is_none_or(|before| before.name() != name) {
            names.insert(name.to_owned(), Arc::downgrade(substation));
        }
        before
    }

    /// Frees `name`, if `substation` has it.
    pub(crate) fn release(&self, name: &str, substation: &Arc<Substation>) {
        let mut names = self.0.write();
        let holder = names.get(name).and_then(Weak::upgrade);
        if holder.is_none_or(|holder| holder == *substation) {
            names.remove(name);
        }
    }

    /// Forgets names whose substations are gone.
    pub(crate) fn tidy(&self) {
        self.0.write().retain(|_, holder| holder.strong_count() > 0);
    }
}
