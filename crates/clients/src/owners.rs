//! Whose session is whose: which client booked it, by the session's id.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use ring::digest::{SHA256, digest};

use crate::held::Id;

/// Number of shards. Each has its own lock, so threads seldom contend.
const SHARDS: usize = 16;

/// The owners of all sessions that are known. Shared by all threads.
#[derive(Debug)]
pub(crate) struct Owners<T> {
    shards: [Mutex<HashMap<Id, Arc<T>>>; SHARDS],
    count: AtomicUsize,
}

impl<T> Default for Owners<T> {
    fn default() -> Self {
        Self {
            shards: Default::default(),
            count: AtomicUsize::new(0),
        }
    }
}

impl<T> Owners<T> {
    pub(crate) fn of(&self, id: Id) -> Option<Arc<T>> {
        self.shard(id).lock().get(&id).cloned()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// Returns the owner before, if there was another.
    pub(crate) fn set(&self, id: Id, owner: &Arc<T>) -> Option<Arc<T>> {
        let before = self.shard(id).lock().insert(id, Arc::clone(owner));
        if before.is_none() {
            self.count.fetch_add(1, Relaxed);
        }
        before.filter(|before| !Arc::ptr_eq(before, owner))
    }

    /// Forgets a session, unless it has another owner by now.
    pub(crate) fn forget(&self, id: Id, owner: &T) {
        let mut shard = self.shard(id).lock();
        let is_its = shard
            .get(&id)
            .is_some_and(|known| std::ptr::eq(Arc::as_ptr(known), owner));
        if is_its {
            shard.remove(&id);
            self.count.fetch_sub(1, Relaxed);
            if shard.capacity() > 64 && shard.len() < shard.capacity() / 4 {
                let most = shard.len() * 2;
                shard.shrink_to(most);
            }
        }
    }

    fn shard(&self, id: Id) -> &Mutex<HashMap<Id, Arc<T>>> {
        let at = usize::try_from(id % SHARDS as u128).unwrap_or_default();
        let [first, ..] = &self.shards;
        self.shards.get(at).unwrap_or(first)
    }
}

/// The id of a session as it is kept: of the same size whatever substations answer.
pub(crate) fn id_of(session: &[u8]) -> Id {
    let digest = digest(&SHA256, session);
    let first = digest.as_ref().iter().take(16);
    first.fold(0, |all, byte| all << 8 | u128::from(*byte))
}
