//! A part of the table, behind one lock: its keys by hash, by age and by client.

use std::{collections::HashMap, time::Duration};

use hashbrown::HashTable;

use crate::{
    entry::{Entry, Tick},
    identity::{Asker, KeyHash},
    list::{By, List},
};

/// Room for so many keys is kept in a shard, however few there are.
pub(crate) const ROOM: usize = 64;
/// A client that keeps more than one in so many of the keys loses its own when the room is used up.
const SHARES: usize = 4;

#[derive(Debug)]
pub(crate) struct Shard {
    /// Dense: what is removed leaves no hole.
    slab: Vec<Entry>,
    /// Where in the slab a key is.
    index: HashTable<u32>,
    /// What is kept, by age.
    kept: List,
    count: usize,
    clients: HashMap<u64, Client>,
    /// Clients with more than their share, and the share that counts.
    heavy: Vec<u64>,
    share: usize,
    /// Who in other processes asks, by key.
    pub(crate) askers: HashMap<KeyHash, Vec<Asker>>,
    /// Whether this table alone decides which substation holds a key.
    pub(crate) decides: bool,
    /// Since somebody asked last.
    pub(crate) evicted: Evicted,
}

/// What is kept of one client's.
#[derive(Debug, Default)]
struct Client {
    keys: u32,
    kept: List,
}

/// Keys that were forgotten before their time, for lack of room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// The oldest of all, so many times.
    pub oldest: u64,
    /// The oldest of a client with more than its share, so many times.
    pub over_share: u64,
    /// The shortest time for which one of them had been kept.
    pub kept_for: Option<Duration>,
}

impl Evicted {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            oldest: self.oldest + other.oldest,
            over_share: self.over_share + other.over_share,
            kept_for: self.kept_for.into_iter().chain(other.kept_for).min(),
        }
    }
}

impl Shard {
    pub(crate) fn new(decides: bool) -> Self {
        Self {
            slab: Vec::new(),
            index: HashTable::new(),
            kept: List::default(),
            count: 0,
            clients: HashMap::new(),
            heavy: Vec::new(),
            share: usize::MAX,
            askers: HashMap::new(),
            decides,
            evicted: Evicted::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.slab.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.slab.iter_mut()
    }

    pub(crate) fn get(&mut self, hash: KeyHash) -> Option<&mut Entry> {
        let at = self.find(hash)?;
        self.entry(at)
    }

    /// The entry of a key, and `new` if it has none.
    pub(crate) fn get_or_insert(
        &mut self,
        hash: KeyHash,
        new: impl FnOnce() -> Entry,
    ) -> Option<&mut Entry> {
        let at = match self.find(hash) {
            Some(at) => at,
            None => self.insert(new())?,
        };
        self.entry(at)
    }

    /// Keeps a key since `since`, unless it is kept already.
    pub(crate) fn keep(&mut self, hash: KeyHash, since: Tick) {
        let Some(at) = self.find(hash) else { return };
        let Some(entry) = self.entry(at) else { return };
        if entry.kept_since.is_some() {
            return;
        }
        entry.kept_since = Some(since);
        self.link(at);
    }

    /// Keeps a key no longer than its requests are in flight.
    pub(crate) fn let_go(&mut self, hash: KeyHash) {
        if let Some(at) = self.find(hash) {
            self.unlink(at);
            self.remove_if_over(hash);
        }
    }

    /// Forgets a key of which nothing needs to be remembered.
    pub(crate) fn remove_if_over(&mut self, hash: KeyHash) {
        if let Some(at) = self.find(hash)
            && self.entry(at).is_some_and(|entry| entry.is_over())
        {
            self.remove(at);
        }
    }

    /// Forgets keys whose time is over, and beyond `most` the oldest ones: of clients with more than their share, if
    /// there are any. Never a key in use.
    pub(crate) fn expire(&mut self, most: usize, kept_for: Duration, since_start: Duration) {
        self.set_share(most);
        // At most one step per key, because a key in use goes to the back.
        for _ in 0..self.count {
            let Some(at) = self.kept.oldest() else { return };
            let age = self.age(at, since_start);
            let (at, age, is_over_share) = if age >= kept_for {
                (at, None, false)
            } else if self.count > most {
                let own = self.of_heaviest();
                let at = own.unwrap_or(at);
                (at, Some(self.age(at, since_start)), own.is_some())
            } else {
                return;
            };
            if self.entry(at).is_some_and(|entry| entry.claims > 0) {
                self.postpone(at);
                continue;
            }
            self.unlink(at);
            self.remove(at);
            if let Some(age) = age {
                self.evicted = self.evicted.and(Evicted {
                    oldest: u64::from(!is_over_share),
                    over_share: u64::from(is_over_share),
                    kept_for: Some(age),
                });
            }
        }
    }

    /// Gives back room that many keys took and few need.
    pub(crate) fn shrink(&mut self) {
        let needed = ROOM.max(2 * self.slab.len());
        if self.slab.capacity() > 2 * needed {
            self.slab.shrink_to(needed);
        }
        if self.index.capacity() > 4 * needed {
            let slab = &self.slab;
            self.index.shrink_to(needed, |at| place(slab, *at));
        }
        let needed = ROOM.max(2 * self.clients.len());
        if self.clients.capacity() > 4 * needed {
            self.clients.shrink_to(needed);
        }
        if self.askers.is_empty() {
            self.askers.shrink_to(0);
        }
    }

    fn insert(&mut self, entry: Entry) -> Option<u32> {
        let at = u32::try_from(self.slab.len()).ok()?;
        let hash = entry.hash;
        if self.slab.len() == self.slab.capacity() {
            // A quarter more: what twice as many would leave unused is most of what a key costs.
            self.slab.reserve_exact(ROOM.max(self.slab.len() / 4));
        }
        self.slab.push(entry);
        let slab = &self.slab;
        self.index
            .insert_unique(place_of(hash), at, |at| place(slab, *at));
        Some(at)
    }

    /// Removes what is in no order. The last entry takes its place.
    fn remove(&mut self, at: u32) {
        let Some(hash) = self.entry(at).map(|entry| entry.hash) else {
            return;
        };
        if let Ok(found) = self.index.find_entry(place_of(hash), |other| *other == at) {
            found.remove();
        }
        self.askers.remove(&hash);
        self.slab.swap_remove(wide(at));
        let Some(moved) = self.slab.get(wide(at)) else {
            return;
        };
        let (hash, client, is_kept) = (moved.hash, moved.client, moved.kept_since.is_some());
        let from = self.slab.len();
        if let Some(held) = self
            .index
            .find_mut(place_of(hash), |other| wide(*other) == from)
        {
            *held = at;
        }
        if is_kept {
            self.kept.moved(&mut self.slab, By::Age, at);
            if let Some(client) = self.clients.get_mut(&client) {
                client.kept.moved(&mut self.slab, By::Client, at);
            }
        }
    }

    /// Adds it to both orders, as the newest.
    fn link(&mut self, at: u32) {
        let Some(source) = self.entry(at).map(|entry| entry.client) else {
            return;
        };
        self.count += 1;
        self.kept.push(&mut self.slab, By::Age, at);
        let client = self.clients.entry(source).or_default();
        client.kept.push(&mut self.slab, By::Client, at);
        client.keys += 1;
        if wide(client.keys) == self.share.saturating_add(1) {
            self.heavy.push(source);
        }
    }

    /// Takes it out of both orders.
    fn unlink(&mut self, at: u32) {
        let Some(entry) = self.entry(at) else { return };
        if entry.kept_since.take().is_none() {
            return;
        }
        let source = entry.client;
        self.count -= 1;
        self.kept.remove(&mut self.slab, By::Age, at);
        let Some(client) = self.clients.get_mut(&source) else {
            return;
        };
        client.kept.remove(&mut self.slab, By::Client, at);
        client.keys = client.keys.saturating_sub(1);
        if wide(client.keys) == self.share {
            self.heavy.retain(|heavy| *heavy != source);
        }
        if client.keys == 0 {
            self.clients.remove(&source);
        }
    }

    /// Puts it behind all others in both orders. It keeps its age.
    fn postpone(&mut self, at: u32) {
        let since = self.entry(at).and_then(|entry| entry.kept_since);
        self.unlink(at);
        if let Some(entry) = self.entry(at) {
            entry.kept_since = since;
            self.link(at);
        }
    }

    /// Counts a client's share of `most` keys.
    fn set_share(&mut self, most: usize) {
        let share = most.div_ceil(SHARES);
        if share != self.share {
            self.share = share;
            let clients = self.clients.iter();
            let heavy = clients.filter(|(_, client)| wide(client.keys) > share);
            self.heavy = heavy.map(|(source, _)| *source).collect();
        }
    }

    /// The oldest key of the client that has most, if that is more than its share.
    fn of_heaviest(&self) -> Option<u32> {
        let heavy = self.heavy.iter();
        let heavy = heavy.filter_map(|source| self.clients.get(source));
        heavy.max_by_key(|client| client.keys)?.kept.oldest()
    }

    fn find(&self, hash: KeyHash) -> Option<u32> {
        let is_same = |at: &u32| self.slab.get(wide(*at)).is_some_and(|one| one.hash == hash);
        self.index.find(place_of(hash), is_same).copied()
    }

    fn entry(&mut self, at: u32) -> Option<&mut Entry> {
        self.slab.get_mut(wide(at))
    }

    fn age(&self, at: u32, since_start: Duration) -> Duration {
        let entry = self.slab.get(wide(at));
        let since = entry.and_then(|entry| entry.kept_since);
        since.map_or(Duration::ZERO, |since| since.age(since_start))
    }
}

#[cfg(test)]
impl Shard {
    /// For how many entries it has room.
    pub(crate) fn capacity(&self) -> usize {
        self.slab.capacity() + self.index.capacity() + self.clients.capacity()
    }

    /// How much memory it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let slab = self.slab.capacity() * size_of::<Entry>();
        // As the standard library's map does it: a power of two of places, of which seven in eight are used.
        let places = (self.clients.capacity() * 8 / 7).next_power_of_two();
        let clients = places * (size_of::<(u64, Client)>() + 1);
        slab + self.index.allocation_size() + clients
    }

    /// Checks that both orders have the same entries in the same order, and counts them by client.
    pub(crate) fn audit(&mut self) -> HashMap<u64, u32> {
        let mut counts = HashMap::new();
        let kept = self.kept.all(&mut self.slab, By::Age);
        assert_eq!(kept.len(), self.count);
        let clients: Vec<_> = self
            .clients
            .iter()
            .map(|(source, one)| (*source, one.keys, one.kept))
            .collect();
        for (source, keys, own) in clients {
            let own = own.all(&mut self.slab, By::Client);
            let of = |at: &u32| {
                self.slab
                    .get(wide(*at))
                    .is_some_and(|one| one.client == source)
            };
            let expected: Vec<_> = kept.iter().copied().filter(of).collect();
            assert_eq!(own, expected);
            assert_eq!(own.len(), wide(keys));
            counts.insert(source, keys);
        }
        counts
    }
}

fn wide(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// Where the index has a key. The hash is one already.
fn place_of(hash: KeyHash) -> u64 {
    hash.number()
}

fn place(slab: &[Entry], at: u32) -> u64 {
    slab.get(wide(at)).map_or(0, |entry| place_of(entry.hash))
}

#[cfg(test)]
mod tests;
