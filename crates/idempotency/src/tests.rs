//! The states of a key, and what a table leaves to another.

mod agreement;
mod handover;
mod room;
mod states;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    Asked, Asker, Claim, Claimed, Fingerprint, HolderId, KeyHash, Keyed, Keys, Limits, Release,
    Released, Reused, keys::SHARDS,
};

const KEPT: Duration = Duration::from_mins(1);

/// A table with its limits.
struct Rig {
    keys: Keys,
    limits: Limits,
    start: Instant,
}

/// A table of process 1 with room for so many keys in each shard.
fn rig(most: usize) -> Rig {
    let start = Instant::now();
    Rig {
        keys: Keys::new(1, start),
        limits: Limits {
            most: most * SHARDS,
            kept_for: KEPT,
        },
        start,
    }
}

/// A substation.
fn holder(number: u16) -> Arc<HolderId> {
    Arc::new(HolderId {
        name: format!("s{number}").into(),
        address: ([127, 0, 0, 1], number).into(),
    })
}

const CHARGE: Fingerprint = Fingerprint(11);

/// An attempt of another process.
fn asker(process: u64, number: u64) -> Asker {
    Asker { process, number }
}

fn hash(key: &str) -> KeyHash {
    KeyHash::of(key.as_bytes())
}

impl Rig {
    /// A claim of client 0 on `key`, so long after the start.
    fn claim_at(&self, key: &str, after: Duration) -> Claim<'_> {
        self.claim_of(0, key, after)
    }

    fn claim_of(&self, client: u64, key: &str, after: Duration) -> Claim<'_> {
        let keyed = Keyed {
            hash: hash(key),
            fingerprint: CHARGE,
            client,
        };
        let claim = self.keys.claim(keyed, self.start + after, &self.limits);
        claim.unwrap()
    }

    fn claim(&self, key: &str) -> Claim<'_> {
        self.claim_at(key, Duration::ZERO)
    }

    /// Books `key` at substation 1.
    fn book_at(&self, key: &str, after: Duration) {
        self.book_of(0, key, after);
    }

    fn book_of(&self, client: u64, key: &str, after: Duration) {
        let mut claim = self.claim_of(client, key, after);
        if claim.asked_holder().is_none() {
            assert_eq!(claim.ask(&holder(1)), Asked::Yes);
        }
        claim.bind();
    }

    /// The substation that holds `key`, as a repetition finds it.
    fn holder_at(&self, key: &str, after: Duration) -> Option<Arc<HolderId>> {
        let mut claim = self.claim_at(key, after);
        let holder = claim.asked_holder();
        if holder.is_some() {
            assert_ne!(claim.release(), Release::Free);
        }
        holder
    }

    fn holder(&self, key: &str) -> Option<Arc<HolderId>> {
        self.holder_at(key, Duration::ZERO)
    }
}

impl Rig {
    /// Books `key` at substation 1, which a store agrees to.
    fn book_with_store(&self, key: &str) {
        let mut claim = self.claim(key);
        assert!(matches!(claim.ask(&holder(1)), Asked::Propose(_)));
        claim.agree(holder(1));
        claim.bind();
    }
}

impl Claim<'_> {
    /// The holder, which is being asked from now on.
    fn asked_holder(&mut self) -> Option<Arc<HolderId>> {
        let holder = self.holder()?;
        assert!(self.ask_again(&holder));
        Some(holder)
    }
}
