//! What is known of one client beyond its configuration: it outlives reloads.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use enum_map::{Enum, EnumMap};
use parking_lot::Mutex;
use strum::{IntoStaticStr, VariantArray};
use switchyard_balance::Load;

use crate::{
    bucket::{Allowance, Bucket, Left, TooSoon},
    held::{Held, Id, LONGEST, sum},
    owners::{Owners, id_of},
};

/// Why a client's request was refused.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Refused {
    /// It sends more than its rate.
    Rate,
    /// It would have more load at once than it may.
    Load,
}

/// One client.
pub struct Account {
    name: Arc<str>,
    /// A number that stands for it, the same in every process.
    number: u64,
    pub(crate) bucket: Bucket,
    pub(crate) held: Mutex<Held>,
    owners: Arc<Owners<Self>>,
    requests: AtomicU64,
    refused: EnumMap<Refused, AtomicU64>,
}

/// A client has as much load at once as it may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Full {
    /// What it has.
    pub held: Load,
    /// In how many seconds it will have enough room, rounded up, as far as the ends of its sessions say.
    pub retry_in: Option<u32>,
}

/// Load that a client may book. Given back when dropped, unless it was booked.
#[derive(Debug)]
pub struct Permit {
    account: Arc<Account>,
    load: Load,
}

impl Account {
    pub(crate) fn new(name: Arc<str>, owners: Arc<Owners<Account>>) -> Self {
        // Half of the hash is a hash.
        let number = u64::try_from(id_of(name.as_bytes()) >> 64).unwrap_or_default();
        Self {
            name,
            number,
            bucket: Bucket::default(),
            held: Mutex::default(),
            owners,
            requests: AtomicU64::new(0),
            refused: EnumMap::default(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// A number that stands for it, the same in every process.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Counts a request.
    pub fn asks(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    /// Counts a refusal.
    pub fn refuse(&self, why: Refused) {
        self.refused[why].fetch_add(1, Relaxed);
    }

    /// How many of its requests were refused for this reason.
    #[must_use]
    pub fn refusals(&self, why: Refused) -> u64 {
        self.refused[why].load(Relaxed)
    }

    /// How many requests it has sent.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Takes one request out of its bucket.
    pub fn take(&self, rate: Allowance, now: Duration) -> Result<Left, TooSoon> {
        self.bucket.take(rate, now)
    }

    /// Its load at once.
    #[must_use]
    pub fn load(&self, now: Duration) -> Load {
        self.up_to_date(now, |held| held.load())
    }

    /// Sets `load` aside, unless it would have more than `most` at once. Without `most` it only counts.
    pub fn reserve(
        self: &Arc<Self>,
        load: Load,
        most: Option<Load>,
        now: Duration,
    ) -> Result<Permit, Full> {
        self.up_to_date(now, |held| {
            if let Some(most) = most
                && sum(held.load(), load) > most
            {
                let room = Load::from_micros(most.micros().saturating_sub(load.micros()));
                let at = held.falls_to(room);
                return Err(Full {
                    held: held.load(),
                    retry_in: at.map(|at| whole_seconds(at.saturating_sub(now))),
                });
            }
            held.add(load);
            Ok(())
        })?;
        Ok(Permit {
            account: Arc::clone(self),
            load,
        })
    }

    /// A permit for a request that adds nothing: what it asks for is booked already, or another has set it aside.
    #[must_use]
    pub fn repeat(self: &Arc<Self>) -> Permit {
        Permit {
            account: Arc::clone(self),
            load: Load::ZERO,
        }
    }

    /// Notes that one of its sessions has ended.
    pub(crate) fn ended(&self, id: Id, now: Duration) {
        self.up_to_date(now, |held| held.end(id, now));
    }

    /// Looks at what it holds, with what is over by `now` ended.
    pub(crate) fn up_to_date<T>(&self, now: Duration, look: impl FnOnce(&mut Held) -> T) -> T {
        let mut held = self.held.lock();
        held.expire(now, |id| self.owners.forget(id, self));
        look(&mut held)
    }

    /// Forgets the session of which something becomes first. False if there is none.
    pub(crate) fn forget_first(&self) -> bool {
        let forgotten = self.held.lock().forget_first();
        forgotten.is_some_and(|id| {
            self.owners.forget(id, self);
            true
        })
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Account");
        shown.field("name", &self.name).finish_non_exhaustive()
    }
}

impl Permit {
    /// Whose it is.
    #[must_use]
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// The session is booked, with a load of `load` that `lasts` so long, or until it is ended.
    pub(crate) fn book(mut self, id: Id, load: Load, lasts: Option<Duration>, now: Duration) {
        let account = Arc::clone(&self.account);
        let set_aside = std::mem::take(&mut self.load);
        drop(self);
        let before = account.owners.set(id, &account);
        // A substation that begins anew may use an id again.
        if let Some(before) = before {
            before.held.lock().end(id, now);
        }
        let until = now.saturating_add(lasts.unwrap_or(LONGEST).min(LONGEST));
        account.up_to_date(now, |held| {
            held.give_back(set_aside);
            held.add(load);
            held.book(id, load, until);
        });
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.load > Load::ZERO {
            self.account.held.lock().give_back(self.load);
        }
    }
}

/// At least one.
fn whole_seconds(time: Duration) -> u32 {
    let whole = time.as_nanos().div_ceil(1_000_000_000);
    u32::try_from(whole).unwrap_or(u32::MAX).max(1)
}
