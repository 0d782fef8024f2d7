//! The store, as the proxy calls it.

use std::{sync::Arc, time::Duration};

use redis::{Cmd, Value};
use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};

use switchyard_config::Fleet;
use switchyard_idempotency::{Asker, Claimed, Fingerprint, HolderId, KeyHash, Released};

use crate::{
    ErrorKind, StoreError, StoreMetrics,
    drains::Drains,
    health::Health,
    lanes::Lanes,
    link::{Failure, Link, Live},
    options::Options,
    scripts::{self, Call},
};

/// The most bytes that the answer to a claim takes: an asker and a holder.
const ANSWER: usize = 4 << 10;
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
    /// The connection of the process: for checks, drains, and threads whose own is not there.
    pub(crate) link: Arc<Link>,
    pub(crate) lanes: Lanes,
    metrics: StoreMetrics,
    pub(crate) health: Health,
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
            lanes: Lanes::new(Arc::clone(&options)),
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

    /// Connects this thread for itself, before its first call needs that. Called on a thread that will call, in its
    /// runtime.
    pub fn attach(&self) {
        self.lanes.of_this_thread();
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
        let lane = self.lanes.of_this_thread();
        let lane = lane.as_ref().unwrap_or(&self.link);
        let deadline = began + self.options.timeout;
        let result = self.script(lane, call, read, deadline).await;
        self.metrics.called(began.elapsed());
        if let Err(error) = &result {
            self.metrics.failed(error.kind);
        }
        result
    }

    /// Runs a script. If its answer is lost, runs it once more.
    pub(crate) async fn script<T>(
        &self,
        lane: &Link,
        call: &Call,
        read: impl Fn(&Value) -> Option<T>,
        deadline: Instant,
    ) -> Result<T, StoreError> {
        let (link, live) = self.connection(lane, deadline).await?;
        let ended = match self.attempt(link, &live, call, &read, deadline).await {
            // Another connection may be as broken, and does not know it yet. This one knows, and is replaced.
            Err(Failure::Lost(error)) => match link.live(live.epoch(), deadline).await {
                Ok(live) => self.attempt(link, &live, call, &read, deadline).await,
                // That there is no connection says less than what broke the last one.
                Err(_) => return Err(error),
            },
            ended => ended,
        };
        ended.map_err(|failure| self.said(failure))
    }

    async fn attempt<T>(
        &self,
        link: &Link,
        live: &Live,
        call: &Call,
        read: impl Fn(&Value) -> Option<T>,
        deadline: Instant,
    ) -> Result<T, Failure> {
        let answered = link.call(live, &call.by_digest(), ANSWER, deadline).await;
        let answer = match answered {
            // Nothing was run, so this repeats nothing.
            Err(Failure::NoScript) => link.call(live, &call.by_source(), ANSWER, deadline).await?,
            answered => answered?,
        };
        read(&answer).ok_or_else(|| {
            let what = "answered a call with what belongs to another";
            let error = StoreError::new(ErrorKind::Garbled, self.options.shown(), what);
            link.give_up(live, &error);
            Failure::Lost(error)
        })
    }

    /// A connection: of the lane, or else of the process, or else the first one that the lane gets in time.
    async fn connection<'a>(
        &'a self,
        lane: &'a Link,
        deadline: Instant,
    ) -> Result<(&'a Link, Live), StoreError> {
        for link in [lane, &self.link] {
            if let Some(live) = link.now() {
                return Ok((link, live));
            }
        }
        Ok((lane, lane.live(0, deadline).await?))
    }

    /// Sends a command that may be repeated, on the connection of the process.
    pub(crate) async fn send(
        &self,
        command: &Cmd,
        bytes: usize,
        deadline: Instant,
    ) -> Result<Value, StoreError> {
        let link = &self.link;
        let live = link.live(0, deadline).await?;
        let ended = match link.call(&live, command, bytes, deadline).await {
            Err(Failure::Lost(_)) => {
                let live = link.live(live.epoch(), deadline).await?;
                link.call(&live, command, bytes, deadline).await
            }
            ended => ended,
        };
        ended.map_err(|failure| self.said(failure))
    }

    fn said(&self, failure: Failure) -> StoreError {
        match failure {
            Failure::Store(error) | Failure::Lost(error) => error,
            Failure::NoScript => StoreError::new(
                ErrorKind::Unsupported,
                self.options.shown(),
                "does not keep scripts",
            ),
        }
    }
}
