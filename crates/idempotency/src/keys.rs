//! The table: which substation holds which key, as this process knows it.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::{
    entry::Tick,
    identity::{Asker, Fingerprint, KeyHash},
    shard::{Evicted, Shard},
};

/// Number of shards. Each has its own lock, so threads seldom contend.
pub(crate) const SHARDS: usize = 16;

/// How many keys are kept, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most keys.
    pub most: usize,
    /// How long a key is kept.
    pub kept_for: Duration,
}

/// The key of a request, the charge that came with it, and the client that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// Its key.
    pub hash: KeyHash,
    /// What it wants to book.
    pub fingerprint: Fingerprint,
    /// A number that stands for its client.
    pub client: u64,
}

/// All keys of a process. Shared by all threads.
#[derive(Debug)]
pub struct Keys {
    shards: [Mutex<Shard>; SHARDS],
    /// A random number of this process.
    process: u64,
    /// The last number under which this process asked.
    numbers: AtomicU64,
    start: Instant,
}

impl Keys {
    /// How much memory a key takes at most, in bytes: where each key has a client of its own, and room was just made for a
    /// quarter more. Of few clients a key takes about 90.
    pub const BYTES_EACH: usize = 168;

    /// An empty table of the process with this random number, which starts at `start`. It decides alone, until
    /// [`Keys::decide`] says otherwise.
    #[must_use]
    pub fn new(process: u64, start: Instant) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Shard::new(true))),
            process,
            numbers: AtomicU64::new(0),
            start,
        }
    }

    /// Whether this table alone decides which substation holds a key. If not, a claim proposes a holder, and somebody
    /// else is asked.
    pub fn decide(&self, alone: bool) {
        for shard in &self.shards {
            shard.lock().decides = alone;
        }
    }

    /// Forgets expired keys, also where no further request has a key. Called every second or so.
    pub fn expire(&self, now: Instant, limits: &Limits) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            self.expire_in(&mut shard, now, limits);
            shard.shrink();
        }
    }

    /// Number of keys.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// What has been forgotten before its time since the last call.
    #[must_use]
    pub fn take_evicted(&self) -> Evicted {
        let all = self.shards.iter();
        let all = all.map(|shard| std::mem::take(&mut shard.lock().evicted));
        all.fold(Evicted::default(), Evicted::and)
    }

    pub(crate) fn shards(&self) -> &[Mutex<Shard>] {
        &self.shards
    }

    /// The shard of a key.
    pub(crate) fn look<T>(&self, hash: KeyHash, look: impl FnOnce(&mut Shard) -> T) -> T {
        // The index inside the shard uses the lower half of the hash.
        let at = usize::try_from(hash.0 >> 124).unwrap_or_default() % SHARDS;
        let [first, ..] = &self.shards;
        look(&mut self.shards.get(at).unwrap_or(first).lock())
    }

    /// A number under which this process has not asked yet.
    pub(crate) fn next_asker(&self) -> u64 {
        self.numbers.fetch_add(1, Relaxed) + 1
    }

    pub(crate) fn asker(&self, number: u64) -> Asker {
        Asker {
            process: self.process,
            number,
        }
    }

    pub(crate) fn since_start(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.start)
    }

    pub(crate) fn tick(&self, moment: Instant) -> Tick {
        Tick::at(self.since_start(moment))
    }

    pub(crate) fn expire_in(&self, shard: &mut Shard, now: Instant, limits: &Limits) {
        let most = limits.most.div_ceil(SHARDS);
        shard.expire(most, limits.kept_for, self.since_start(now));
    }
}
