//! Resolves a path to the modules that it leads through.

use crate::tree::{Id, Tree};

/// Imports of imports are followed up to this depth. Only names that import each other in a ring exceed it.
const DEPTH: usize = 16;

/// Where a path leads.
#[derive(Debug, Default)]
struct Route {
    /// Every module on the way, including those that re-export a name.
    modules: Vec<Id>,
    /// The module at the end, if the path names a module and not an item.
    end: Option<Id>,
}

/// The modules of this crate that `path`, written in `from`, leads through. Empty for other crates' paths.
pub(crate) fn modules(tree: &Tree, from: Id, path: &[String]) -> Vec<Id> {
    follow(tree, from, path, DEPTH).map_or_else(Vec::new, |route| route.modules)
}

fn follow(tree: &Tree, from: Id, path: &[String], depth: usize) -> Option<Route> {
    let depth = depth.checked_sub(1)?;
    let (first, mut rest) = path.split_first()?;
    let start = match first.as_str() {
        "crate" => 0,
        "self" => from,
        "super" => {
            let mut above = tree.get(from)?.parent?;
            while let Some((next, further)) = rest.split_first()
                && next == "super"
            {
                above = tree.get(above)?.parent?;
                rest = further;
            }
            above
        }
        // A name in scope.
        _ => {
            let route = step(tree, from, first, depth)?;
            return Some(walk(tree, route, rest, depth));
        }
    };
    let route = Route {
        modules: vec![start],
        end: Some(start),
    };
    Some(walk(tree, route, rest, depth))
}

/// Continues from the end of a route.
fn walk(tree: &Tree, mut route: Route, rest: &[String], depth: usize) -> Route {
    for name in rest {
        let Some(at) = route.end else {
            break;
        };
        match step(tree, at, name, depth) {
            Some(next) => {
                route.modules.extend(next.modules);
                route.end = next.end;
            }
            // An item of another crate, or one that a macro declares.
            None => route.end = None,
        }
    }
    route
}

/// Looks `name` up in a module. None if the module has no such name, or if it comes from another crate.
fn step(tree: &Tree, at: Id, name: &str, depth: usize) -> Option<Route> {
    let module = tree.get(at)?;
    if let Some(&child) = module.children.get(name) {
        return Some(Route {
            modules: vec![child],
            end: Some(child),
        });
    }
    if module.declared.contains(name) {
        return Some(Route {
            modules: vec![at],
            end: None,
        });
    }
    if let Some(path) = module.imports.get(name) {
        // `use name;` of another crate imports the name as itself.
        return (path.first().map(String::as_str) != Some(name))
            .then(|| follow(tree, at, path, depth))
            .flatten();
    }
    module.globs.iter().find_map(|glob| {
        let opened = follow(tree, at, glob, depth)?;
        let found = step(tree, opened.end?, name, depth.checked_sub(1)?)?;
        let mut modules = opened.modules;
        modules.extend(found.modules);
        Some(Route {
            modules,
            end: found.end,
        })
    })
}
