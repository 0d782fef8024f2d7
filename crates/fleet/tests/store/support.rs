//! What the tests share: a store that is kept, and short names.

pub(crate) mod fake;
pub(crate) mod relay;

use std::{
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use prometheus::Registry;
use switchyard_config::{Fleet, WhenUnreachable};
use switchyard_faults::PATIENCE;
use switchyard_fleet::{ErrorKind, Store, StoreError, StoreMetrics, StoreState};
use switchyard_idempotency::{Asker, Claimed, Fingerprint, HolderId, KeyHash, Released};
use switchyard_telemetry::Registrar;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// How long a claimed key lives in these tests.
pub(crate) const TTL: Duration = Duration::from_mins(10);

/// `fleet.timeout` where a test measures how long calls take.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(50);
/// By how much a busy machine may delay what is measured.
const BUSY: Duration = Duration::from_millis(500);
/// How long a store takes to be in use again once it could be: a second, and what a busy machine takes.
const RECOVERY: Duration = Duration::from_millis(1500);

static PROCESSES: AtomicU64 = AtomicU64::new(1);

/// A store that is kept by a task, as a proxy keeps it.
pub(crate) struct Kept {
    pub(crate) store: Arc<Store>,
    pub(crate) registry: Registry,
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
        timeout: Duration::from_secs(5),
        when_unreachable: WhenUnreachable::Refuse,
    }
}

impl Kept {
    /// Keeps the store at `address`.
    pub(crate) fn at(address: &str) -> Self {
        Self::with(&fleet(address))
    }

    /// Keeps it with the usual `fleet.timeout`, which a busy machine may fail to keep.
    pub(crate) fn hasty(address: &str) -> Self {
        let mut fleet = fleet(address);
        fleet.timeout = TIMEOUT;
        Self::with(&fleet)
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
            registry,
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

    /// A claim that must fail, and in time.
    pub(crate) async fn fails(&self, key: &str) -> StoreError {
        let began = Instant::now();
        let claimed = self.claim(key, self.asker(), "a").await;
        let took = began.elapsed();
        assert!(took < TIMEOUT + BUSY, "{took:?}");
        claimed.expect_err("the store took a claim")
    }

    /// A claim that succeeds within the time that a test has.
    pub(crate) async fn claims(&self, key: &str) {
        let asker = self.asker();
        self.eventually("a claim", || self.claim(key, asker, "a"), Result::is_ok)
            .await;
    }

    /// Waits until a claim fails by this kind of error.
    pub(crate) async fn until_fails_by(&self, kind: ErrorKind) {
        let what = format!("an error of the kind {kind:?}");
        let is_so = |error: &StoreError| error.kind == kind;
        self.eventually(&what, || self.fails("k"), is_so).await;
    }

    /// Waits until a claim fails by an error that contains `text`.
    pub(crate) async fn until_fails_with(&self, text: &str) {
        let is_so = |error: &StoreError| error.to_string().contains(text);
        self.eventually(text, || self.fails("k"), is_so).await;
    }

    /// The store could be used from now on: it must be, soon.
    pub(crate) async fn recovers(&self) {
        let began = Instant::now();
        self.claims("recovery").await;
        let took = began.elapsed();
        println!("in use again after {took:?}");
        assert!(took < RECOVERY, "{took:?}");
        self.until(StoreState::Up).await;
    }

    async fn eventually<T: std::fmt::Debug, F: Future<Output = T>>(
        &self,
        what: &str,
        mut call: impl FnMut() -> F,
        is_so: impl Fn(&T) -> bool,
    ) {
        let began = Instant::now();
        loop {
            let last = call().await;
            if is_so(&last) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "not {what}, but {last:?}");
            sleep(Duration::from_millis(2)).await;
        }
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
