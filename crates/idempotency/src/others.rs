//! Claims and releases of other processes, for which this table decides: the old process of an upgrade asks the new
//! one.

use std::{sync::Arc, time::Instant};

use crate::{
    entry::{Entry, Hold},
    identity::{Asker, Claimed, Fingerprint, HolderId, KeyHash, Released},
    keys::{Keys, Limits},
};

/// With more askers than this, a key stays with its holder.
const MOST_ASKERS: usize = 16;

impl Keys {
    /// Claims a key at `now` for another process, which proposes `candidate`. Idempotent. `None` if this table does not
    /// decide: then somebody else has to be asked, as this same asker.
    pub fn claim_for(
        &self,
        (hash, fingerprint): (KeyHash, Fingerprint),
        asker: Asker,
        candidate: &HolderId,
        now: Instant,
        limits: &Limits,
    ) -> Option<Claimed> {
        let since = self.tick(now);
        self.look(hash, |shard| {
            if !shard.decides {
                return None;
            }
            self.expire_in(shard, now, limits);
            let was_asked = shard.askers.contains_key(&hash);
            let entry = shard.get_or_insert(hash, || Entry::new(hash, fingerprint, 0))?;
            if entry.fingerprint != fingerprint {
                return Some(Claimed::Reused);
            }
            let is_held = was_asked || entry.is_held_here();
            let holder = match &entry.holder {
                Some(holder) if is_held => Arc::clone(holder),
                _ => {
                    let holder = Arc::new(candidate.clone());
                    entry.holder = Some(Arc::clone(&holder));
                    holder
                }
            };
            let is_bound = entry.hold.is_bound();
            shard.keep(hash, since);
            if !is_bound {
                shard.add_asker(hash, asker);
            }
            Some(Claimed::Holder(HolderId::clone(&holder)))
        })
    }

    /// Notes that an asker of another process has certainly booked nothing. Idempotent. `None` if this table does not
    /// decide.
    pub fn release_for(&self, hash: KeyHash, asker: Asker) -> Option<Released> {
        self.look(hash, |shard| {
            if !shard.decides {
                return None;
            }
            if let Some(askers) = shard.askers.get_mut(&hash) {
                askers.retain(|other| *other != asker);
                if !askers.is_empty() {
                    return Some(Released::Held);
                }
                shard.askers.remove(&hash);
                // What is bound is kept for that.
                if shard.get(hash).is_some_and(|entry| !entry.hold.is_bound()) {
                    shard.let_go(hash);
                }
            }
            let is_held = shard.get(hash).is_some_and(|entry| entry.is_held_here());
            Some(if is_held {
                Released::Held
            } else {
                Released::Free
            })
        })
    }
}

impl crate::shard::Shard {
    /// Adds an asker of another process. Beyond [`MOST_ASKERS`] the key is bound for good instead.
    pub(crate) fn add_asker(&mut self, hash: KeyHash, asker: Asker) {
        let askers = self.askers.entry(hash).or_default();
        if askers.contains(&asker) {
            return;
        }
        if askers.len() < MOST_ASKERS {
            askers.push(asker);
            return;
        }
        self.askers.remove(&hash);
        if let Some(entry) = self.get(hash) {
            entry.hold = Hold::BOUND;
        }
    }
}
