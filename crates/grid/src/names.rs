//! Which substation holds a session, by the session's id.
//!
//! An id is `NAME-…`: it begins with the substation's name. Names may contain dashes, and a name
//! may be a prefix of another, so the longest known name wins.

use std::{collections::HashMap, sync::Arc};

use crate::substation::Substation;

/// The substations by their names.
#[derive(Debug)]
pub struct Names<H>(HashMap<String, H>);

impl Names<Arc<Substation>> {
    /// The names of `members`, and of those of `absent` whose names no member has.
    #[must_use]
    pub fn new(members: &[Arc<Substation>], absent: &[Arc<Substation>]) -> Self {
        let all = absent.iter().chain(members);
        let named = all.map(|one| (one.name().to_owned(), Arc::clone(one)));
        Self(named.collect())
    }
}

impl<H> Names<H> {
    /// The holder of a session: the one with the longest known name that `id` begins with, before a
    /// dash.
    #[must_use]
    pub fn holder(&self, id: &str) -> Option<&H> {
        let mut name = id;
        while let Some((shorter, rest)) = name.rsplit_once('-') {
            // The id must go on after the dash that ends the name.
            if (!rest.is_empty() || name.len() < id.len())
                && let Some(holder) = self.0.get(shorter)
            {
                return Some(holder);
            }
            name = shorter;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_known_name_holds_the_session() {
        let names = ["a", "a-b", "a-b-c", "s1", "s10", "x-"];
        let names = Names(
            (0..)
                .zip(names)
                .map(|(at, name)| (name.to_owned(), at))
                .collect(),
        );
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
            assert_eq!(names.holder(id).copied(), holder, "{id:?}");
        }
    }
}
