//! What a process leaves to the next one.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    entry::{Entry, Hold},
    identity::{Asker, Fingerprint, HolderId, KeyHash},
    keys::Keys,
    shard::Shard,
};

/// The keys of a process, as plain data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedKeys {
    /// Whether their table decided alone which substation holds a key.
    decided: bool,
    holders: Vec<HolderId>,
    /// Their holders may have booked.
    bound: Vec<CarriedKey>,
    /// Their holders are being asked, by these.
    asked: Vec<(CarriedKey, Vec<Asker>)>,
}

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CarriedKey {
    hash: KeyHash,
    fingerprint: Fingerprint,
    client: u64,
    /// Which of the holders.
    holder: u32,
    age_ms: u64,
}

impl CarriedKeys {
    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bound.len() + self.asked.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Numbers the holders.
#[derive(Default)]
struct Holders {
    all: Vec<HolderId>,
    /// By where they are, which is quicker than by what they are.
    by_place: HashMap<usize, u32>,
    by_id: HashMap<Arc<HolderId>, u32>,
}

impl Holders {
    fn number(&mut self, holder: &Arc<HolderId>) -> u32 {
        let place = Arc::as_ptr(holder).addr();
        *self.by_place.entry(place).or_insert_with(|| {
            let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
            let number = *self.by_id.entry(Arc::clone(holder)).or_insert(next);
            if number == next {
                self.all.push(HolderId::clone(holder));
            }
            number
        })
    }
}

impl Keys {
    /// All keys, as they are at `now`, for a file.
    #[must_use]
    pub fn carry(&self, now: Instant) -> CarriedKeys {
        self.collect(now, false)
    }

    /// All keys, as they are at `now`, for a process that decides from now on: what this table does not know by then, it
    /// has to ask. [`Keys::decide`] undoes it.
    #[must_use]
    pub fn hand_over(&self, now: Instant) -> CarriedKeys {
        self.collect(now, true)
    }

    /// Takes over what another process has left `ago`. Keys that are here already stay as they are. [`Keys::decide`]
    /// must be called before.
    pub fn restore(&self, carried: CarriedKeys, ago: Duration, now: Instant) {
        let holders: Vec<_> = carried.holders.into_iter().map(Arc::new).collect();
        let both = |key: CarriedKey| (key, Vec::new());
        // Oldest first, as they are kept.
        let mut bound = carried.bound;
        bound.sort_unstable_by_key(|key| std::cmp::Reverse(key.age_ms));
        let asked = carried.asked.into_iter();
        for (key, askers) in bound.into_iter().map(both).chain(asked) {
            let holder = usize::try_from(key.holder)
                .ok()
                .and_then(|at| holders.get(at));
            let Some(holder) = holder else { continue };
            let since = self.tick(now);
            let since = since.before(Duration::from_millis(key.age_ms).saturating_add(ago));
            self.look(key.hash, |shard| {
                // Somebody decides who knows these askers already, and hears what becomes of them.
                if !askers.is_empty() && !carried.decided && !shard.decides {
                    return;
                }
                if shard.get(key.hash).is_some() {
                    return;
                }
                let has_askers = !askers.is_empty() && carried.decided && shard.decides;
                let new = || Entry {
                    holder: Some(Arc::clone(holder)),
                    hold: if has_askers {
                        Hold::default()
                    } else {
                        // Or perhaps in doubt, which is not carried: a client must learn that it is booked.
                        Hold::BOOKED
                    },
                    ..Entry::new(key.hash, key.fingerprint, key.client)
                };
                shard.get_or_insert(key.hash, new);
                shard.keep(key.hash, since);
                if has_askers {
                    for asker in askers {
                        shard.add_asker(key.hash, asker);
                    }
                }
            });
        }
    }

    fn collect(&self, now: Instant, hands_over: bool) -> CarriedKeys {
        let mut carried = CarriedKeys::default();
        let mut holders = Holders::default();
        for shard in self.shards() {
            let mut shard = shard.lock();
            carried.decided = shard.decides;
            if hands_over {
                self.number_askers(&mut shard);
            }
            self.add_to(&mut carried, &mut holders, &shard, now);
            shard.decides &= !hands_over;
        }
        carried.holders = holders.all;
        carried
    }

    /// Gives each attempt in flight the number by which the next process will know it.
    fn number_askers(&self, shard: &mut Shard) {
        for entry in shard.iter_mut().filter(|entry| entry.asking > 0) {
            if entry.hold == Hold::default() {
                entry.hold = Hold::by(self.next_asker());
            }
        }
    }

    fn add_to(
        &self,
        carried: &mut CarriedKeys,
        holders: &mut Holders,
        shard: &Shard,
        now: Instant,
    ) {
        let since_start = self.since_start(now);
        carried.bound.reserve(shard.len());
        for entry in shard.iter() {
            let others = shard.askers.get(&entry.hash);
            let others = others.filter(|_| shard.decides);
            let Some(holder) = &entry.holder else {
                continue;
            };
            if others.is_none() && !entry.is_held_here() {
                continue;
            }
            let holder = holders.number(holder);
            let age = entry.kept_since.map(|since| since.age(since_start));
            let age = age.unwrap_or_default().as_millis();
            let key = CarriedKey {
                hash: entry.hash,
                fingerprint: entry.fingerprint,
                client: entry.client,
                holder,
                age_ms: u64::try_from(age).unwrap_or(u64::MAX),
            };
            let own = entry.hold.asker().filter(|_| entry.asking > 0);
            let own = own.map(|number| self.asker(number));
            let askers: Vec<_> = others.into_iter().flatten().copied().chain(own).collect();
            if entry.hold.is_bound() || askers.is_empty() {
                carried.bound.push(key);
            } else {
                carried.asked.push((key, askers));
            }
        }
    }
}
