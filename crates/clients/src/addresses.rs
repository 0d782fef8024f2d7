//! The rate of each address, for clients without a name.
//!
//! An address whose bucket is full is as one that was never seen, so it is forgotten. What is kept is bounded even if
//! somebody has a whole network of addresses.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use parking_lot::Mutex;

use crate::bucket::{Allowance, Left, TooSoon, after, left, nanos};

/// Number of shards. Each has its own lock, so threads seldom contend.
const SHARDS: usize = 16;
/// The most addresses in one shard, of some 24 bytes each.
const MOST: usize = 8_192;
/// Below that many nothing is looked for that could be forgotten.
const FEW: usize = 64;

/// The least time between two looks at a shard that is full, in nanoseconds.
const BETWEEN_LOOKS: u64 = 1_000_000_000;

/// The buckets of all addresses. Shared by all threads.
#[derive(Debug, Default)]
pub struct AddressRates {
    shards: [Mutex<Shard>; SHARDS],
    hash: RandomState,
}

#[derive(Debug, Default)]
struct Shard {
    /// When the bucket of each is full again, in nanoseconds since the start.
    full_at: HashMap<u64, u64>,
    /// How many there may be before the next look for those that can be forgotten.
    next_look: usize,
    looked_at: u64,
}

impl AddressRates {
    /// Takes one request out of the bucket of the address with this number.
    pub fn take(&self, address: u64, allowance: Allowance, now: Duration) -> Result<Left, TooSoon> {
        let now = nanos(now);
        let at = usize::try_from(self.hash.hash_one(address) % SHARDS as u64);
        let [first, ..] = &self.shards;
        let shard = self.shards.get(at.unwrap_or_default()).unwrap_or(first);
        let mut shard = shard.lock();
        let full_at = shard.full_at.get(&address).copied().unwrap_or(0);
        let taken = after(full_at, allowance, now);
        let (Ok(to) | Err((to, _))) = taken;
        shard.make_room(now);
        shard.full_at.insert(address, to);
        taken
            .map(|to| left(to, allowance, now))
            .map_err(|(_, too_soon)| too_soon)
    }

    /// How many addresses are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|shard| shard.lock().full_at.len()).sum()
    }
}

impl Shard {
    fn make_room(&mut self, now: u64) {
        if self.full_at.len() < self.next_look.max(FEW) {
            return;
        }
        if self.full_at.len() < MOST || now >= self.looked_at.saturating_add(BETWEEN_LOOKS) {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.looked_at = now;
        }
        if self.full_at.len() >= MOST {
            // An attacker with so many addresses is not stopped by a rate of each.
            let any = self.full_at.keys().next().copied();
            any.map(|any| self.full_at.remove(&any));
        }
        // A look takes as long as there are addresses: so it comes once they have doubled.
        self.next_look = (self.full_at.len() * 2).clamp(FEW, MOST);
        if self.full_at.capacity() > 4 * self.next_look {
            self.full_at.shrink_to(self.next_look);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_a_bucket_of_its_own() {
        let (rates, allowance) = (
            AddressRates::default(),
            Allowance::new(2, Duration::from_secs(1), None),
        );
        for address in [1, 2] {
            let passed: Vec<_> = (0..3)
                .map(|_| rates.take(address, allowance, Duration::ZERO).is_ok())
                .collect();
            assert_eq!(passed, [true, true, false]);
        }
        assert!(rates.take(1, allowance, Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn addresses_that_may_ask_again_are_forgotten_and_the_others_are_bounded() {
        let (rates, allowance) = (
            AddressRates::default(),
            Allowance::new(1, Duration::from_secs(1), None),
        );
        for second in 0..20 {
            for address in 0..5_000 {
                let now = Duration::from_secs(2 * second);
                let taken = rates.take(second * 5_000 + address, allowance, now);
                assert!(taken.is_ok());
            }
        }
        assert!(rates.kept() <= 20_000, "{}", rates.kept());
        let rates = AddressRates::default();
        for address in 0..300_000 {
            let _ = rates.take(address, allowance, Duration::ZERO);
        }
        assert!(rates.kept() <= MOST * SHARDS, "{}", rates.kept());
    }
}
