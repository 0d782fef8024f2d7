//! The store, as the proxy calls it.

use std::{sync::Arc, time::Duration};

use redis::Value;
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, sleep},
};

use switchyard_config::Fleet;
use switchyard_idempotency::{Asker, Claimed, Fingerprint, HolderId, KeyHash, Released};

use crate::{
    ErrorKind, StoreError, StoreMetrics,
    drains::Drains,
    health::Health,
    link::{Failure, Link},
    options::Options,
    scripts::{self, Call},
};

/// The most bytes that the answer to a claim takes: an asker and a holder.
const ANSWER: usize = 4 << 10;
/// The time between two checks of the store, each of which also reads the drains.
const CHECK: Duration = Duration::from_millis(500);
/// The shortest time that a check may take before the store counts as down.
const CHECK_TAKES: Duration = Duration::from_millis(250);
/// What a check claims lives so long, if its release is lost.
const CHECKED_KEY_LIVES: Duration = Duration::from_secs(10);

/// Whether the store takes claims.
#[derive(Clone, Copy, Debug, Eq, PartialEq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum StoreState {
    /// The last check succeeded.
    Up,
    /// It failed, or none has ended yet.
    Down,
}

/// The shared store. Calls wait for nothing but the store, and for that no longer than `fleet.timeout`.
#[derive(Debug)]
pub struct Store {
    pub(crate) options: Arc<Options>,
    pub(crate) link: Arc<Link>,
    metrics: StoreMetrics,
    health: Health,
    /// Held while drains are read or changed, so that an older reading does not replace a newer one.
    pub(crate) reading: Mutex<()>,
    pub(crate) drains: watch::Sender<Option<Arc<Drains>>>,
}

impl Store {
    /// A store that is not connected: see [`run`](Self::run).
    #[must_use]
    pub fn new(fleet: &Fleet, metrics: StoreMetrics) -> Self {
        let options = Arc::new(Options::new(fleet));
        Self {
            link: Link::new(Arc::clone(&options)),
            health: Health::new(options.shown(), metrics.up()),
            metrics,
            options,
            reading: Mutex::new(()),
            drains: watch::Sender::default(),
        }
    }

    /// Connects, connects again after each break, checks the store and reads the drains, as long as it is polled.
    pub async fn run(&self) {
        tokio::join!(self.link.keep(), self.check());
    }

    /// Claims a key for `candidate`, unless it has a holder already. Idempotent for the same asker. The entry lives for
    /// `ttl` from the first claim on.
    ///
    /// After an error nothing is known of the key, and nothing may be sent to any substation on its account.
    pub async fn claim(
        &self,
        key: KeyHash,
        asker: Asker,
        candidate: &HolderId,
        fingerprint: Fingerprint,
        ttl: Duration,
    ) -> Result<Claimed, StoreError> {
        let name = scripts::name_of(&self.options.prefix, key);
        let call = Call::claim(name, asker, candidate, fingerprint, ttl);
        self.counted(&call, |answer| scripts::claimed(answer, asker))
            .await
    }

    /// Takes an asker out of a key, because it is certain that it booked nothing. Idempotent.
    ///
    /// After an error the asker may still count, so no other substation may be asked.
    pub async fn release(&self, key: KeyHash, asker: Asker) -> Result<Released, StoreError> {
        let name = scripts::name_of(&self.options.prefix, key);
        let call = Call::release(name, asker);
        self.counted(&call, |answer| scripts::released(answer, asker))
            .await
    }

    /// Whether the store takes claims, by the last check.
    #[must_use]
    pub fn state(&self) -> StoreState {
        if self.health.is_up() {
            StoreState::Up
        } else {
            StoreState::Down
        }
    }

    async fn counted<T>(
        &self,
        call: &Call,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let result = self.script(call, read, began + self.options.timeout).await;
        self.metrics.called(began.elapsed());
        if let Err(error) = &result {
            self.metrics.failed(error.kind);
        }
        result
    }

    /// Runs a script. If its answer is lost, runs it once more.
    async fn script<T>(
        &self,
        call: &Call,
        read: impl Fn(&Value) -> Option<T>,
        deadline: Instant,
    ) -> Result<T, StoreError> {
        match self.attempt(0, call, &read, deadline).await {
            Err(Failure::Lost(epoch, error)) => {
                match self.attempt(epoch, call, &read, deadline).await {
                    Ok(answer) => Ok(answer),
                    Err(Failure::Store(again)) if again.kind != ErrorKind::Unreachable => {
                        Err(again)
                    }
                    // That there is no connection says less than what broke the last one.
                    Err(_) => Err(error),
                }
            }
            Err(Failure::Store(error)) => Err(error),
            Err(Failure::NoScript) => Err(StoreError::new(
                ErrorKind::Unsupported,
                self.options.shown(),
                "does not keep scripts",
            )),
            Ok(answer) => Ok(answer),
        }
    }

    async fn attempt<T>(
        &self,
        after: u64,
        call: &Call,
        read: impl Fn(&Value) -> Option<T>,
        deadline: Instant,
    ) -> Result<T, Failure> {
        let by_digest = call.by_digest();
        let (epoch, answer) = match self.link.call(after, &by_digest, ANSWER, deadline).await {
            // Nothing was run, so this repeats nothing.
            Err(Failure::NoScript) => {
                let by_source = call.by_source();
                self.link.call(after, &by_source, ANSWER, deadline).await?
            }
            answered => answered?,
        };
        read(&answer).ok_or_else(|| {
            let what = "answered a call with what belongs to another";
            let error = StoreError::new(ErrorKind::Garbled, self.options.shown(), what);
            self.link.give_up(epoch, &error);
            Failure::Lost(epoch, error)
        })
    }

    /// Checks the store from time to time, and when its connection comes or goes.
    async fn check(&self) {
        let mut changes = self.link.changes();
        loop {
            changes.mark_unchanged();
            let checked = self.check_once().await;
            if checked.is_ok() || self.link.has_tried() {
                self.health.note(checked.err());
            }
            tokio::select! {
                () = sleep(CHECK) => {}
                _ = changes.changed() => {}
            }
        }
    }

    /// Does what a request would do, so that a store that can't be written to is noticed before a request is.
    async fn check_once(&self) -> Result<(), StoreError> {
        const NOBODY: Asker = Asker {
            process: 0,
            number: 0,
        };
        let candidate = HolderId {
            name: "check".into(),
            address: ([0, 0, 0, 0], 0).into(),
        };
        let name = format!("{}:check", self.options.prefix);
        let takes = CHECK_TAKES.max(self.options.timeout);
        let claim = Call::claim(
            name.clone(),
            NOBODY,
            &candidate,
            Fingerprint(0),
            CHECKED_KEY_LIVES,
        );
        self.script(
            &claim,
            |answer| scripts::claimed(answer, NOBODY),
            Instant::now() + takes,
        )
        .await?;
        let release = Call::release(name, NOBODY);
        self.script(
            &release,
            |answer| scripts::released(answer, NOBODY),
            Instant::now() + takes,
        )
        .await?;
        self.read_drains(Instant::now() + takes).await
    }
}
