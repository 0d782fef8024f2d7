//! What the tests share: a store that is kept, and short names.

use std::{
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use prometheus::Registry;
use switchyard_config::{Fleet, WhenUnreachable};
use switchyard_faults::PATIENCE;
use switchyard_fleet::{Store, StoreError, StoreMetrics, StoreState};
use switchyard_idempotency::{Asker, Claimed, Fingerprint, HolderId, KeyHash, Released};
use switchyard_telemetry::Registrar;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

/// How long a claimed key lives in these tests.
pub(crate) const TTL: Duration = Duration::from_mins(10);

static PROCESSES: AtomicU64 = AtomicU64::new(1);

/// A store that is kept by a task, as a proxy keeps it.
pub(crate) struct Kept {
    pub(crate) store: Arc<Store>,
    task: JoinHandle<()>,
    process: u64,
    asked: AtomicU64,
}

/// The configuration of a store at `address`.
pub(crate) fn fleet(address: &str) -> Fleet {
    Fleet {
        store: address.parse().unwrap(),
        password_file: None,
        prefix: "test".to_owned(),
        timeout: Duration::from_millis(50),
        when_unreachable: WhenUnreachable::Refuse,
    }
}

impl Kept {
    /// Keeps the store at `address`.
    pub(crate) fn at(address: &str) -> Self {
        Self::with(&fleet(address))
    }

    pub(crate) fn with(fleet: &Fleet) -> Self {
        let registry = Registry::new();
        let metrics = StoreMetrics::register(Registrar::new(&registry)).unwrap();
        let store = Arc::new(Store::new(fleet, metrics));
        let task = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.run().await }
        });
        Self {
            store,
            task,
            process: PROCESSES.fetch_add(1, Ordering::Relaxed),
            asked: AtomicU64::new(1),
        }
    }

    /// An asker that was not used before.
    pub(crate) fn asker(&self) -> Asker {
        Asker {
            process: self.process,
            number: self.asked.fetch_add(1, Ordering::Relaxed),
        }
    }

    pub(crate) async fn claim(
        &self,
        key: &str,
        asker: Asker,
        candidate: &str,
    ) -> Result<Claimed, StoreError> {
        self.claim_for(key, asker, candidate, Fingerprint(7)).await
    }

    pub(crate) async fn claim_for(
        &self,
        key: &str,
        asker: Asker,
        candidate: &str,
        fingerprint: Fingerprint,
    ) -> Result<Claimed, StoreError> {
        let key = KeyHash::of(key.as_bytes());
        let candidate = holder(candidate);
        self.store
            .claim(key, asker, &candidate, fingerprint, TTL)
            .await
    }

    pub(crate) async fn release(&self, key: &str, asker: Asker) -> Result<Released, StoreError> {
        let key = KeyHash::of(key.as_bytes());
        self.store.release(key, asker).await
    }

    /// Waits until the store is up or down.
    pub(crate) async fn until(&self, state: StoreState) {
        timeout(PATIENCE, async {
            while self.store.state() != state {
                sleep(Duration::from_millis(2)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("the store never was {state:?}"));
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The substation with this name.
pub(crate) fn holder(name: &str) -> HolderId {
    format!("{name}@127.0.0.1:1").parse().unwrap()
}

/// The substation with this name holds the key.
#[expect(
    clippy::unnecessary_wraps,
    reason = "it is compared with what a call returns"
)]
pub(crate) fn held_by(name: &str) -> Result<Claimed, StoreError> {
    Ok(Claimed::Holder(holder(name)))
}
