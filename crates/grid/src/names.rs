//! Which substation holds a session, by the session's id.
//!
//! An id is `NAME-…`: it begins with the name that the substation calls itself. That may be another than the one under
//! which it is listed; see `naming.rs`. Names may contain dashes, and a name may be a prefix of another,
//! so the longest known name wins.

use std::{collections::HashMap, sync::Arc};

use crate::{grid::Grid, own_names::OwnNames, substation::Substation};

/// The substations by the names under which sessions are asked for.
#[derive(Debug)]
pub struct Names {
    listed: HashMap<String, Arc<Substation>>,
    own: Arc<OwnNames>,
}

impl Names {
    /// The names of the members of `grid`, and of those of `absent` whose names no member has.
    #[must_use]
    pub fn new(grid: &Grid, absent: &[Arc<Substation>]) -> Self {
        let all = absent.iter().chain(grid.substations());
        let named = all.map(|one| (one.name().to_owned(), Arc::clone(one)));
        Self {
            listed: named.collect(),
            own: Arc::clone(&grid.shared.own_names),
        }
    }

    /// The holder of a session: the substation with the longest known name that `id` begins with, before a dash.
    #[must_use]
    pub fn holder(&self, id: &str) -> Option<Arc<Substation>> {
        longest(id, |name| self.find(name))
    }

    /// The substation of that name. What a substation calls itself goes before how another one is listed.
    fn find(&self, name: &str) -> Option<Arc<Substation>> {
        let listed = self.listed.get(name);
        // The usual case, without a look at the own names: it calls itself as it is listed, or says nothing.
        let agrees = |one: &&Arc<Substation>| one.own_name().is_none_or(|own| *own == name);
        let own = || self.own.find(name);
        listed
            .filter(agrees)
            .cloned()
            .or_else(own)
            .or_else(|| listed.cloned())
    }
}

/// What `find` knows under the longest name that `id` begins with, before a dash.
fn longest<T>(id: &str, find: impl Fn(&str) -> Option<T>) -> Option<T> {
    let mut name = id;
    while let Some((shorter, rest)) = name.rsplit_once('-') {
        // The id must go on after the dash that ends the name.
        if (!rest.is_empty() || name.len() < id.len())
            && let Some(holder) = find(shorter)
        {
            return Some(holder);
        }
        name = shorter;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_known_name_holds_the_session() {
        let names = ["a", "a-b", "a-b-c", "s1", "s10", "x-"];
        let known: HashMap<_, _> = names.into_iter().zip(0..).collect();
        for (id, holder) in [
            ("a-0011", Some(0)),
            ("a-b-0011", Some(1)),
            ("a-b-c-0011", Some(2)),
            ("a-b-d-0011", Some(1)),
            ("a-c-0011", Some(0)),
            ("s1-0", Some(3)),
            ("s10-0", Some(4)),
            ("s100-0", None),
            ("x--1", Some(5)),
            ("a-", None),
            ("a", None),
            ("a-b", Some(0)),
            ("a-b-", Some(0)),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(
                longest(id, |name| known.get(name).copied()),
                holder,
                "{id:?}"
            );
        }
    }
}
