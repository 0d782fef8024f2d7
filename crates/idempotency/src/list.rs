//! Two orders of the entries of a shard: by age, and by age among those of one client.
//!
//! Both are doubly linked lists inside the slab of entries, so that an entry leaves either from the middle in one step,
//! and a key costs 16 bytes for both.

/// No entry.
const NONE: u32 = u32::MAX;

/// The neighbours of an entry in one order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    older: u32,
    newer: u32,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            older: NONE,
            newer: NONE,
        }
    }
}

/// One order: its ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    oldest: u32,
    newest: u32,
}

impl Default for List {
    fn default() -> Self {
        Self {
            oldest: NONE,
            newest: NONE,
        }
    }
}

/// Which of its two links an order uses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    Age,
    Client,
}

/// What can stand in both orders.
pub(crate) trait Linked {
    fn link(&mut self, by: By) -> &mut Link;
}

impl List {
    /// The entry that came first.
    pub(crate) fn oldest(self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// All, oldest first.
    #[cfg(test)]
    pub(crate) fn all(self, slab: &mut [impl Linked], by: By) -> Vec<u32> {
        let mut all = Vec::new();
        let mut next = self.oldest();
        while let Some(at) = next {
            all.push(at);
            let mut newer = NONE;
            set(slab, by, at, |link| newer = link.newer);
            next = (newer != NONE).then_some(newer);
        }
        all
    }

    /// Adds the entry at `at` as the newest.
    pub(crate) fn push(&mut self, slab: &mut [impl Linked], by: By, at: u32) {
        let link = Link {
            older: self.newest,
            newer: NONE,
        };
        set(slab, by, at, |old| *old = link);
        match self.newest {
            NONE => self.oldest = at,
            newest => set(slab, by, newest, |link| link.newer = at),
        }
        self.newest = at;
    }

    /// Takes the entry at `at` out.
    pub(crate) fn remove(&mut self, slab: &mut [impl Linked], by: By, at: u32) {
        let mut link = Link::default();
        set(slab, by, at, |old| link = std::mem::take(old));
        self.join(slab, by, (link.older, link.newer), link);
    }

    /// The entry that was elsewhere is at `at` now.
    pub(crate) fn moved(&mut self, slab: &mut [impl Linked], by: By, at: u32) {
        let mut link = Link::default();
        set(slab, by, at, |old| link = *old);
        self.join(slab, by, (at, at), link);
    }

    /// What stands beside `link` gets the entries `before` and `after` as its neighbours: the older neighbour has
    /// `after` as its newer one, and the newer one has `before` as its older one.
    fn join(&mut self, slab: &mut [impl Linked], by: By, (before, after): (u32, u32), link: Link) {
        match link.older {
            NONE => self.oldest = after,
            older => set(slab, by, older, |link| link.newer = after),
        }
        match link.newer {
            NONE => self.newest = before,
            newer => set(slab, by, newer, |link| link.older = before),
        }
    }
}

fn set(slab: &mut [impl Linked], by: By, at: u32, set: impl FnOnce(&mut Link)) {
    let entry = usize::try_from(at).ok().and_then(|at| slab.get_mut(at));
    if let Some(entry) = entry {
        set(entry.link(by));
    }
}
