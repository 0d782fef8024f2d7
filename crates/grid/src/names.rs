//! Which substation holds a session, by the session's id.
//!
//! An id is `NAME-…`: it begins with the name that the substation calls itself. That may be another than the one under
//! which it is listed; see `naming.rs`. Names may contain dashes, and a name may be a prefix of another,
//! so the longest known name wins.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::Arc,
};

use switchyard_idempotency::HolderId;

use crate::{grid::Grid, own_names::OwnNames, substation::Substation};

/// The substations by the names under which sessions are asked for.
#[derive(Debug)]
pub struct Names {
    listed: HashMap<String, Arc<Substation>>,
    /// Those that have left, by their addresses as well: another one may have the name.
    absent: HashMap<(String, SocketAddr), Arc<Substation>>,
    own: Arc<OwnNames>,
}

impl Names {
    /// The names of the members of `grid`, and of those of `absent` whose names no member has.
    #[must_use]
    pub fn new(grid: &Grid, absent: &[Arc<Substation>]) -> Self {
        let name = |one: &Arc<Substation>| one.name().to_owned();
        let all = absent.iter().chain(grid.substations());
        let members: HashSet<_> = grid.ids().collect();
        let gone = absent.iter().filter(|one| !members.contains(&one.id()));
        let exact = gone.map(|one| ((name(one), one.address()), Arc::clone(one)));
        Self {
            listed: all.map(|one| (name(one), Arc::clone(one))).collect(),
            absent: exact.collect(),
            own: Arc::clone(&grid.shared.own_names),
        }
    }

    /// The substation that another process means by `id`: the one with that name and address, also if it has left; or
    /// else the member with that name, which has got another address. An address that is not listed is never asked.
    #[must_use]
    pub fn by_id(&self, id: &HolderId) -> Option<Arc<Substation>> {
        let listed = self.listed.get(&*id.name);
        if let Some(exact) = listed.filter(|one| one.address() == id.address) {
            return Some(Arc::clone(exact));
        }
        let key = |address| (id.name.to_string(), address);
        let is_member = |one: &&Arc<Substation>| !self.absent.contains_key(&key(one.address()));
        let absent = self.absent.get(&key(id.address));
        absent.or(listed.filter(is_member)).cloned()
    }

    /// The substation with this [sign](crate::PublicName::sign). None if there are several.
    #[must_use]
    pub fn by_sign(&self, sign: u64) -> Option<Arc<Substation>> {
        let has = |one: &&Arc<Substation>| one.public_name().sign() == Some(sign);
        let mut all = self.listed.values().filter(has);
        let found = all.next()?;
        all.next().is_none().then(|| Arc::clone(found))
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
