//! One request's claim on its key.

use std::{sync::Arc, time::Instant};

use crate::{
    entry::{Entry, Hold},
    identity::{Asker, Fingerprint, HolderId, KeyHash},
    keys::{Keyed, Keys, Limits},
    shard::Shard,
};

/// One request's claim on its key. If it is dropped while the holder is asked, the request counts as possibly booked.
#[derive(Debug)]
pub struct Claim<'a> {
    keys: &'a Keys,
    keyed: Keyed,
    now: Instant,
    stage: Stage,
}

/// The key came with another charge before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key came with another charge before")]
pub struct Reused;

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It asks no substation.
    Idle,
    /// It has proposed one as this asker, and has to hear which one holds the key.
    Proposed(Asker),
    /// It asks the holder.
    Asking,
}

/// What became of the wish to ask a substation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Asked {
    /// It holds the key, and is being asked.
    Yes,
    /// Another substation holds the key by now.
    Other,
    /// It is proposed as the holder. Others have to agree, who know this attempt as this asker.
    Propose(Asker),
}

/// What follows from an attempt that certainly booked nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Release {
    /// The key is free: another substation may be asked.
    Free,
    /// Another request asks the holder, or it may have booked.
    Held,
    /// Nobody here asks the holder any more. Others have to say whether the key is free: this asker leaves.
    Leave(Asker),
}

impl Keys {
    /// Claims the key of a request that arrived at `now`.
    pub fn claim(&self, keyed: Keyed, now: Instant, limits: &Limits) -> Result<Claim<'_>, Reused> {
        self.look(keyed.hash, |shard| {
            self.expire_in(shard, now, limits);
            let new = || Entry::new(keyed.hash, keyed.fingerprint, keyed.client);
            if let Some(entry) = shard.get_or_insert(keyed.hash, new) {
                if entry.fingerprint != keyed.fingerprint {
                    return Err(Reused);
                }
                entry.claims += 1;
            }
            Ok(())
        })?;
        Ok(Claim {
            keys: self,
            keyed,
            now,
            stage: Stage::Idle,
        })
    }
}

impl Claim<'_> {
    /// The key.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        self.keyed.hash
    }

    /// What its request wants to book.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.keyed.fingerprint
    }

    /// A number that stands for the key.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.keyed.hash.number()
    }

    /// The key's substation, if it has one: the only one to ask.
    #[must_use]
    pub fn holder(&self) -> Option<Arc<HolderId>> {
        self.look(holder_in)
    }

    /// Notes that this request is about to ask `holder`. False if the key is no longer its.
    pub fn ask_again(&mut self, holder: &HolderId) -> bool {
        let is_same = self.look(|shard, hash| {
            let is_same = holder_in(shard, hash).is_some_and(|held| *held == *holder);
            if is_same && let Some(entry) = shard.get(hash) {
                entry.asking += 1;
            }
            is_same
        });
        if is_same {
            self.stage = Stage::Asking;
        }
        is_same
    }

    /// As whom this request has proposed a substation, if it has and has not heard yet which one holds the key.
    #[must_use]
    pub fn proposed_as(&self) -> Option<Asker> {
        match self.stage {
            Stage::Proposed(asker) => Some(asker),
            Stage::Idle | Stage::Asking => None,
        }
    }

    /// Whether the key has a substation, so that this request needs no other.
    #[must_use]
    pub fn has_holder(&self) -> bool {
        self.look(|shard, hash| holder_in(shard, hash).is_some())
    }

    /// Notes that this request is about to ask `candidate`, or has to propose it first.
    pub fn ask(&mut self, candidate: &Arc<HolderId>) -> Asked {
        let keys = self.keys;
        let asked = self.look(|shard, hash| {
            let holder = holder_in(shard, hash);
            let decides = shard.decides;
            let Some(entry) = shard.get(hash) else {
                return Asked::Other;
            };
            match holder {
                Some(holder) if holder != *candidate => return Asked::Other,
                Some(_) => {}
                None if !decides => {
                    entry.proposing += 1;
                    return Asked::Propose(keys.asker(number_of(entry, keys)));
                }
                None => entry.holder = Some(Arc::clone(candidate)),
            }
            entry.asking += 1;
            Asked::Yes
        });
        self.stage = match asked {
            Asked::Yes => Stage::Asking,
            Asked::Other => Stage::Idle,
            Asked::Propose(by) => Stage::Proposed(by),
        };
        asked
    }

    /// Notes that after a proposal all agree on `holder`. Returns the one that this request is about to ask: if it is known
    /// here already who holds the key, that one.
    pub fn agree(&mut self, holder: Arc<HolderId>) -> Arc<HolderId> {
        self.stage = Stage::Asking;
        self.look(|shard, hash| {
            let known = holder_in(shard, hash);
            let Some(entry) = shard.get(hash) else {
                return holder;
            };
            entry.proposing = entry.proposing.saturating_sub(1);
            entry.asking += 1;
            let holder = known.unwrap_or(holder);
            entry.holder = Some(Arc::clone(&holder));
            holder
        })
    }

    /// Notes that nothing came of a proposal: no substation is asked, and no holder is known.
    pub fn withdraw(&mut self) {
        self.stage = Stage::Idle;
        self.look(|shard, hash| {
            if let Some(entry) = shard.get(hash) {
                entry.proposing = entry.proposing.saturating_sub(1);
            }
        });
    }

    /// Notes that the substation has certainly not booked this request.
    pub fn release(&mut self) -> Release {
        self.stage = Stage::Idle;
        let keys = self.keys;
        self.look(|shard, hash| {
            let has_askers = shard.decides && shard.askers.contains_key(&hash);
            let Some(entry) = shard.get(hash) else {
                return Release::Free;
            };
            entry.asking = entry.asking.saturating_sub(1);
            if entry.is_held_here() || entry.proposing > 0 || has_askers {
                return Release::Held;
            }
            entry.holder = None;
            let asker = std::mem::take(&mut entry.hold).asker();
            asker.map_or(Release::Free, |number| Release::Leave(keys.asker(number)))
        })
    }

    /// Notes that the holder that is being asked may have booked before, so that no other may be asked whatever comes.
    pub fn pin(&mut self) {
        let since = self.keys.tick(self.now);
        self.look(|shard, hash| {
            if let Some(entry) = shard.get(hash) {
                entry.hold.bind();
                shard.keep(hash, since);
                shard.askers.remove(&hash);
            }
        });
    }

    /// Notes that the substation has booked.
    pub fn book(&mut self) {
        self.bind();
        self.look(|shard, hash| {
            if let Some(entry) = shard.get(hash) {
                entry.hold = Hold::BOOKED;
            }
        });
    }

    /// Whether the key's substation was asked from here, and it is not known whether it has booked.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.look(|shard, hash| {
            shard
                .get(hash)
                .is_some_and(|entry| entry.hold == Hold::BOUND)
        })
    }

    /// Notes that the substation may have booked.
    pub fn bind(&mut self) {
        self.stage = Stage::Idle;
        self.pin();
        self.look(|shard, hash| {
            if let Some(entry) = shard.get(hash) {
                entry.asking = entry.asking.saturating_sub(1);
            }
        });
    }

    fn look<T>(&self, look: impl FnOnce(&mut Shard, KeyHash) -> T) -> T {
        let hash = self.keyed.hash;
        self.keys.look(hash, |shard| look(shard, hash))
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        match self.stage {
            Stage::Idle => {}
            Stage::Proposed(_) => self.withdraw(),
            Stage::Asking => self.bind(),
        }
        self.look(|shard, hash| {
            if let Some(entry) = shard.get(hash) {
                entry.claims = entry.claims.saturating_sub(1);
                shard.remove_if_over(hash);
            }
        });
    }
}

/// The key's substation, if this table knows enough to say so. That other processes ask it is enough only where this
/// table decides: elsewhere the key may be free again.
fn holder_in(shard: &mut Shard, hash: KeyHash) -> Option<Arc<HolderId>> {
    let is_asked = shard.decides && shard.askers.contains_key(&hash);
    let entry = shard.get(hash)?;
    let is_held = is_asked || entry.is_held_here();
    entry.holder.clone().filter(|_| is_held)
}

/// The number under which this process asks by this key.
fn number_of(entry: &mut Entry, keys: &Keys) -> u64 {
    entry.hold.asker().unwrap_or_else(|| {
        let number = keys.next_asker();
        entry.hold = Hold::by(number);
        number
    })
}
