//! Who decides which substation holds an `Idempotency-Key`.
//!
//! Usually that is this process's own [table](Keys), and nothing here is used. Where several processes decide together, a
//! request proposes a substation and [others](Agreement) say which one holds the key: the store that the proxies of a
//! fleet share; or, in the old process of an upgrade, the new one. In the moment of the handover nobody decides: what is
//! proposed then waits.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use switchyard_fleet::Store;
use switchyard_idempotency::{
    Asker, CarriedKeys, Claimed, Fingerprint, HolderId, KeyHash, Keys, Limits, Released,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// The longest that a request waits for the end of a handover.
const LONGEST_HANDOVER: Duration = Duration::from_secs(2);

/// A proposal: which substation is to hold a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The key.
    pub key: KeyHash,
    /// The charge that came with it.
    pub fingerprint: Fingerprint,
    /// Who proposes.
    pub asker: Asker,
    /// The substation that is about to be asked, if no other holds the key.
    pub candidate: Arc<HolderId>,
    /// How long the key is to be kept.
    pub kept_for: Duration,
}

/// Others who say which substation holds a key. Both operations are idempotent, and take a limited time.
#[async_trait]
pub trait Agreement: fmt::Debug + Send + Sync {
    /// Which substation holds the key. After an error nothing is known of the key.
    async fn claim(&self, proposal: &Proposal) -> Result<Claimed, Unavailable>;

    /// This asker has certainly booked nothing. After an error the key may still be held on its account.
    async fn release(&self, key: KeyHash, asker: Asker) -> Result<Released, Unavailable>;
}

/// Those who decide can't be asked, for this reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

#[async_trait]
impl Agreement for Store {
    async fn claim(&self, proposal: &Proposal) -> Result<Claimed, Unavailable> {
        let Proposal {
            key,
            fingerprint,
            asker,
            candidate,
            kept_for,
        } = proposal;
        Self::claim(self, *key, *asker, candidate, *fingerprint, *kept_for)
            .await
            .map_err(|error| Unavailable(error.to_string()))
    }

    async fn release(&self, key: KeyHash, asker: Asker) -> Result<Released, Unavailable> {
        Self::release(self, key, asker)
            .await
            .map_err(|error| Unavailable(error.to_string()))
    }
}

/// Who decides.
#[derive(Clone, Debug, Default)]
enum Authority {
    /// This process.
    #[default]
    Own,
    /// Nobody, in the moment of a handover.
    Nobody,
    /// The store of the fleet.
    Store(Arc<dyn Agreement>),
    /// The process that has taken over.
    Successor(Arc<dyn Agreement>),
}

/// The keys of this process, and who decides about them.
#[derive(Debug)]
pub struct AgreedKeys {
    table: Keys,
    in_force: watch::Sender<Authority>,
}

impl AgreedKeys {
    /// An empty table that decides alone, in the process with this random number.
    pub(super) fn new(process: u64, now: Instant) -> Self {
        Self {
            table: Keys::new(process, now.into_std()),
            in_force: watch::Sender::default(),
        }
    }

    /// The table.
    pub(super) fn table(&self) -> &Keys {
        &self.table
    }

    /// From now on this store decides. To be called before the first request and before [`AgreedKeys::restore`].
    pub fn share(&self, store: Arc<dyn Agreement>) {
        self.table.decide(false);
        self.in_force.send_replace(Authority::Store(store));
    }

    /// Whether a store decides.
    pub(super) fn is_shared(&self) -> bool {
        matches!(*self.in_force.borrow(), Authority::Store(_))
    }

    /// All keys, for a file.
    #[must_use]
    pub fn carry(&self, now: Instant) -> CarriedKeys {
        self.table.carry(now.into_std())
    }

    /// All keys, for the process that takes over. Unless a store decides, nobody does from now on, until
    /// [`AgreedKeys::follow`] or [`AgreedKeys::take_back`] is called.
    #[must_use]
    pub fn hand_over(&self, now: Instant) -> CarriedKeys {
        self.in_force.send_if_modified(|authority| {
            let is_own = matches!(authority, Authority::Own);
            if is_own {
                *authority = Authority::Nobody;
            }
            is_own
        });
        self.table.hand_over(now.into_std())
    }

    /// From now on the process that has taken over decides, unless a store does.
    pub fn follow(&self, successor: Arc<dyn Agreement>) {
        self.table.decide(false);
        self.in_force.send_if_modified(|authority| {
            let is_shared = matches!(authority, Authority::Store(_));
            if !is_shared {
                *authority = Authority::Successor(successor);
            }
            !is_shared
        });
    }

    /// The handover has failed: this process decides again.
    pub fn take_back(&self) {
        self.in_force.send_if_modified(|authority| {
            let is_nobody = matches!(authority, Authority::Nobody);
            if is_nobody {
                self.table.decide(true);
                *authority = Authority::Own;
            }
            is_nobody
        });
    }

    /// Takes over what another process has left `ago`.
    pub fn restore(&self, carried: CarriedKeys, ago: Duration, now: Instant) {
        self.table.restore(carried, ago, now.into_std());
    }

    /// Which substation holds the key, by those who decide. Where this process does, that is for its table to say, which
    /// knows of other requests.
    pub(super) async fn claim(&self, proposal: &Proposal) -> Result<Claimed, Unavailable> {
        match self.in_force().await? {
            Some(others) => others.claim(proposal).await,
            None => Ok(Claimed::Holder(HolderId::clone(&proposal.candidate))),
        }
    }

    /// Whether the key is free now that this asker has certainly booked nothing, by those who decide.
    pub(super) async fn release(
        &self,
        key: KeyHash,
        asker: Asker,
    ) -> Result<Released, Unavailable> {
        match self.in_force().await? {
            Some(others) => others.release(key, asker).await,
            None => Ok(Released::Free),
        }
    }

    /// Answers a proposal of the process from which this one has taken over.
    pub async fn claim_for(
        &self,
        proposal: &Proposal,
        limits: &Limits,
    ) -> Result<Claimed, Unavailable> {
        loop {
            let keyed = (proposal.key, proposal.fingerprint);
            let (asker, candidate) = (proposal.asker, &proposal.candidate);
            let now = Instant::now().into_std();
            let own = self.table.claim_for(keyed, asker, candidate, now, limits);
            if let Some(claimed) = own {
                return Ok(claimed);
            }
            if let Some(others) = self.in_force().await? {
                return others.claim(proposal).await;
            }
        }
    }

    /// Hears that an asker of the process from which this one has taken over has certainly booked nothing.
    pub async fn release_for(&self, key: KeyHash, asker: Asker) -> Result<Released, Unavailable> {
        loop {
            if let Some(released) = self.table.release_for(key, asker) {
                return Ok(released);
            }
            if let Some(others) = self.in_force().await? {
                return others.release(key, asker).await;
            }
        }
    }

    /// Others who decide, or nobody if this process does. Waits for the end of a handover.
    async fn in_force(&self) -> Result<Option<Arc<dyn Agreement>>, Unavailable> {
        let mut changes = self.in_force.subscribe();
        let settled = changes.wait_for(|authority| !matches!(authority, Authority::Nobody));
        let settled = timeout(LONGEST_HANDOVER, settled).await;
        let settled = settled.ok().and_then(Result::ok);
        match settled.as_deref() {
            Some(Authority::Store(others) | Authority::Successor(others)) => {
                Ok(Some(Arc::clone(others)))
            }
            Some(Authority::Own) => Ok(None),
            Some(Authority::Nobody) | None => {
                let message = "an upgrade has not ended";
                Err(Unavailable(message.to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
