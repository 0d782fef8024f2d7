//! The modules of one crate, and what each declares and refers to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

/// A module's index in its [`Tree`].
pub(crate) type Id = usize;

/// The segments of a path, such as `crate`, `book`, `Book`.
pub(crate) type Segments = Vec<String>;

/// All modules; the first is the crate's root.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    modules: Vec<Module>,
}

/// One module, of a file or inline.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The name with those of its parents, such as `server::connection`. Empty for the root.
    pub(crate) name: String,
    pub(crate) parent: Option<Id>,
    pub(crate) file: Rc<PathBuf>,
    pub(crate) children: BTreeMap<String, Id>,
    /// Names of items declared here.
    pub(crate) declared: BTreeSet<String>,
    /// Names that `use` imports, and their paths.
    pub(crate) imports: BTreeMap<String, Segments>,
    /// Modules that `use …::*` opens.
    pub(crate) globs: Vec<Segments>,
    /// Everything that the module refers to, with the line.
    pub(crate) paths: Vec<(Segments, usize)>,
}

impl Tree {
    /// Adds a module below `parent`; without one, the root.
    pub(crate) fn add(&mut self, parent: Option<Id>, name: &str, file: Rc<PathBuf>) -> Id {
        let id = self.modules.len();
        let above = parent.and_then(|parent| self.modules.get_mut(parent));
        let name = match above {
            Some(above) => {
                above.children.insert(name.to_owned(), id);
                if above.name.is_empty() {
                    name.to_owned()
                } else {
                    format!("{}::{name}", above.name)
                }
            }
            None => String::new(),
        };
        self.modules.push(Module {
            name,
            parent,
            file,
            ..Module::default()
        });
        id
    }

    pub(crate) fn get(&self, id: Id) -> Option<&Module> {
        self.modules.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut Module> {
        self.modules.get_mut(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id, &Module)> {
        self.modules.iter().enumerate()
    }

    /// The module's ancestors from the root down to the module itself.
    pub(crate) fn ancestry(&self, id: Id) -> Vec<Id> {
        let mut ancestry: Vec<_> =
            std::iter::successors(Some(id), |id| self.get(*id)?.parent).collect();
        ancestry.reverse();
        ancestry
    }
}
