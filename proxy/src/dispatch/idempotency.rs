//! Which substation has which `Idempotency-Key`.
//!
//! A substation that has booked under a key answers a repetition of the key with that same session. Any other
//! substation would book a second session. So a key is bound to a substation from the moment a request with it may
//! have been booked there. Every repetition goes to that substation only: also one at the same time on another
//! thread, also while the substation is ejected or draining, also after an answer that never arrived. If no request
//! under a key can have been booked, the key is free again.
//!
//! A key is kept as 128 bits of a keyed hash: an entry has the same size whatever clients send, and no client can make
//! two keys collide. The number of keys and the time they are kept are bounded (`retry.keys`, `retry.keys_for`).
//! Requests without a key never use this module.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use switchyard_config as config;
use switchyard_http1::Head;
use switchyard_wire::{Code, Failure, names::IDEMPOTENCY_KEY};

/// The longest key, in bytes.
const LONGEST: usize = 255;
/// Number of shards. Each has its own lock, so threads seldom contend.
const SHARDS: usize = 16;
/// The memory that a key takes, in bytes.
const BYTES: usize = 160;
/// Room for so many keys is kept in a shard, however few there are.
const ROOM: usize = 64;

/// The key of a request, if it has one. An invalid key is an error, because its client relies on it.
pub(super) fn key_of(head: Head<'_>) -> Result<Option<&[u8]>, Failure> {
    let mut keys = head.all(IDEMPOTENCY_KEY);
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let is_fit = !key.is_empty() && key.len() <= LONGEST && key.iter().all(u8::is_ascii_graphic);
    if !is_fit || keys.next().is_some() {
        let message = format!(
            "a request has at most one Idempotency-Key, with 1 to {LONGEST} visible ASCII characters; nothing is booked"
        );
        return Err(Failure::new(Code::InvalidRequest, message));
    }
    Ok(Some(key))
}

/// All keys of this proxy. Shared by all threads. `H` identifies the substation that holds a key.
#[derive(Debug)]
pub(super) struct IdempotencyKeys<H> {
    shards: [Mutex<Shard<H>>; SHARDS],
    hashes: [RandomState; 2],
}

#[derive(Debug)]
struct Shard<H> {
    entries: HashMap<u128, Entry<H>>,
    /// Bound entries, oldest first, each once.
    bound: VecDeque<u128>,
}

#[derive(Debug)]
struct Entry<H> {
    /// The substation that is being asked or may have booked.
    holder: Option<H>,
    /// Requests in flight with this key.
    claims: u32,
    /// Those of them that wait for the holder's answer.
    asking: u32,
    /// When the first request arrived that the holder may have booked. Repetitions don't change it, so the queue
    /// stays in order of time.
    bound: Option<Instant>,
}

/// One request's claim on its key. If it is dropped during an exchange, the request counts as possibly booked.
#[derive(Debug)]
pub(super) struct Claim<'a, H> {
    keys: &'a IdempotencyKeys<H>,
    hash: u128,
    now: Instant,
    is_asking: bool,
}

impl<H> Default for IdempotencyKeys<H> {
    fn default() -> Self {
        let shard = || {
            Mutex::new(Shard {
                entries: HashMap::new(),
                bound: VecDeque::new(),
            })
        };
        Self {
            shards: std::array::from_fn(|_| shard()),
            hashes: Default::default(),
        }
    }
}

impl<H> Default for Entry<H> {
    fn default() -> Self {
        Self {
            holder: None,
            claims: 0,
            asking: 0,
            bound: None,
        }
    }
}

impl<H> IdempotencyKeys<H> {
    /// Claims `key` for a request that arrived at `now`. `rules` are the limits in force.
    pub(super) fn claim(&self, key: &[u8], now: Instant, rules: &config::Retry) -> Claim<'_, H> {
        let [high, low] = [0, 1].map(|at: usize| {
            let hash = self.hashes.get(at).map_or(0, |hash| hash.hash_one(key));
            u128::from(hash)
        });
        let claim = Claim {
            keys: self,
            hash: (high << 64) | low,
            now,
            is_asking: false,
        };
        claim.shard(|shard, hash| {
            shard.expire(rules.keys.most(BYTES).div_ceil(SHARDS), rules.keys_for, now);
            shard.entries.entry(hash).or_default().claims += 1;
        });
        claim
    }

    /// Forgets expired keys, also where no further request has a key. Called every second or so.
    pub(super) fn expire(&self, now: Instant, rules: &config::Retry) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.expire(rules.keys.most(BYTES).div_ceil(SHARDS), rules.keys_for, now);
            shard.shrink();
        }
    }

    /// Number of keys kept.
    pub(super) fn count(&self) -> usize {
        let lengths = self.shards.iter().map(|shard| shard.lock().entries.len());
        lengths.sum()
    }
}

impl<H: Clone + PartialEq> Claim<'_, H> {
    /// The key's substation, if it has one: the only one to ask, and this request is about to ask it.
    pub(super) fn ask_holder(&mut self) -> Option<H> {
        let holder = self.entry(|entry| {
            let holder = entry.holder.clone()?;
            entry.asking += 1;
            Some(holder)
        });
        self.is_asking = holder.is_some();
        holder
    }

    /// Whether the key has a substation, so that this request needs no other.
    pub(super) fn has_holder(&self) -> bool {
        self.entry(|entry| entry.holder.is_some())
    }

    /// Notes that this request is about to ask `candidate`. False if another substation holds the key by now.
    pub(super) fn ask(&mut self, candidate: &H) -> bool {
        self.is_asking = self.entry(|entry| {
            let is_free = entry.holder.get_or_insert_with(|| candidate.clone()) == candidate;
            entry.asking += u32::from(is_free);
            is_free
        });
        self.is_asking
    }

    /// Notes that the substation has certainly not booked this request. True if another one may be asked.
    pub(super) fn release(&mut self) -> bool {
        self.is_asking = false;
        self.entry(|entry| {
            entry.asking = entry.asking.saturating_sub(1);
            let is_free = entry.asking == 0 && entry.bound.is_none();
            if is_free {
                entry.holder = None;
            }
            is_free
        })
    }
}

impl<H> Claim<'_, H> {
    /// A number that stands for the key.
    pub(super) fn number(&self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "half of the hash is a hash"
        )]
        let half = self.hash as u64;
        half
    }

    /// Notes that the substation may have booked.
    pub(super) fn bind(&mut self) {
        self.is_asking = false;
        let now = self.now;
        self.shard(|shard, hash| {
            let Some(entry) = shard.entries.get_mut(&hash) else {
                return;
            };
            entry.asking = entry.asking.saturating_sub(1);
            if entry.bound.is_none() {
                entry.bound = Some(now);
                shard.bound.push_back(hash);
            }
        });
    }

    fn entry<T: Default>(&self, look: impl FnOnce(&mut Entry<H>) -> T) -> T {
        self.shard(|shard, hash| shard.entries.get_mut(&hash).map(look))
            .unwrap_or_default()
    }

    fn shard<T>(&self, look: impl FnOnce(&mut Shard<H>, u128) -> T) -> T
    where
        T: Default,
    {
        let at = usize::try_from(self.hash % SHARDS as u128).unwrap_or_default();
        let shard = self.keys.shards.get(at);
        shard.map_or_else(T::default, |shard| look(&mut shard.lock(), self.hash))
    }
}

impl<H> Drop for Claim<'_, H> {
    fn drop(&mut self) {
        if self.is_asking {
            self.bind();
        }
        self.shard(|shard, hash| {
            if let Some(entry) = shard.entries.get_mut(&hash) {
                entry.claims = entry.claims.saturating_sub(1);
                if entry.claims == 0 && entry.bound.is_none() {
                    shard.entries.remove(&hash);
                }
            }
        });
    }
}

impl<H> Shard<H> {
    /// Gives back room that many keys took and few need.
    fn shrink(&mut self) {
        let needed = ROOM.max(2 * self.entries.len());
        if self.entries.capacity() > 4 * needed {
            self.entries.shrink_to(needed);
        }
        if self.bound.capacity() > 4 * needed {
            self.bound.shrink_to(needed);
        }
    }

    /// Forgets expired keys, and the oldest ones beyond `most`; never a key in use.
    fn expire(&mut self, most: usize, kept_for: Duration, now: Instant) {
        // At most one step per key, because a key in use goes to the back.
        for _ in 0..self.bound.len() {
            let Some(hash) = self.bound.front().copied() else {
                return;
            };
            let Some(entry) = self.entries.get(&hash) else {
                self.bound.pop_front();
                continue;
            };
            let since = entry.bound.unwrap_or(now);
            let is_over = now.saturating_duration_since(since) >= kept_for;
            if !is_over && self.bound.len() <= most {
                return;
            }
            self.bound.pop_front();
            if entry.claims > 0 {
                self.bound.push_back(hash);
            } else {
                self.entries.remove(&hash);
            }
        }
    }
}

#[cfg(test)]
mod tests;
