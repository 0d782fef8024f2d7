//! The drains of the whole fleet, in the store: commands, and what others have commanded.
//!
//! All of them are read every half a second. A message when one changes
//! (`PUBLISH`) would save nothing: it may be lost, so the reading would be needed as well, and half a second is within
//! what is promised. While the store is away, the last ones that were read stay in force.

use std::{sync::Arc, time::Duration};

use redis::{Cmd, Value, cmd};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::{Drain, Drains, ErrorKind, Store, StoreError, drains::parse};

/// The most bytes that all drains together take.
const ALL: usize = 16 << 20;
/// The longest that a command of an operator waits for the store.
const COMMAND: Duration = Duration::from_secs(1);

impl Store {
    /// What is drained in the fleet, now and after each change. `None` until it was read for the first time.
    #[must_use]
    pub fn drains(&self) -> watch::Receiver<Option<Arc<Drains>>> {
        self.drains.subscribe()
    }

    /// Drains a substation in the fleet. In force here when this returns, and in other processes within a second.
    ///
    /// A drain that is there already stays as it is, unless this one is to take its place (`is_news`).
    pub async fn set_drain(
        &self,
        substation: &str,
        drain: &Drain,
        is_news: bool,
    ) -> Result<(), StoreError> {
        let text = serde_json::to_string(drain).unwrap_or_default();
        let mut set = cmd(if is_news { "HSET" } else { "HSETNX" });
        set.arg(self.drains_name()).arg(substation).arg(text);
        self.command(&set, |drains| {
            if is_news || !drains.contains_key(substation) {
                drains.insert(substation.into(), drain.clone());
            }
        })
        .await
    }

    /// Ends a drain in the fleet. In force here when this returns, and in other processes within a second. No error if
    /// there is none.
    pub async fn unset_drain(&self, substation: &str) -> Result<(), StoreError> {
        let mut unset = cmd("HDEL");
        unset.arg(self.drains_name()).arg(substation);
        self.command(&unset, |drains| {
            drains.remove(substation);
        })
        .await
    }

    /// Sends a command, and changes what is known in the same way. What others have changed meanwhile comes with the
    /// next reading, which the lock makes a later one.
    async fn command(
        &self,
        command: &Cmd,
        change: impl FnOnce(&mut Drains),
    ) -> Result<(), StoreError> {
        let deadline = Instant::now() + COMMAND;
        let _reading = timeout_at(deadline, self.reading.lock()).await;
        match self.send(command, ALL, deadline).await? {
            Value::Int(_) => {}
            _ => return Err(self.garbled()),
        }
        if self.drains.borrow().is_none() {
            // Done is done, whether it can be read back or not.
            let _ = self.read(deadline).await;
        }
        self.drains.send_if_modified(|current| {
            let Some(known) = current else {
                return false;
            };
            let mut drains = Drains::clone(known);
            change(&mut drains);
            let is_new = **known != drains;
            *known = Arc::new(drains);
            is_new
        });
        Ok(())
    }

    /// Reads all drains and puts them in force here.
    pub(crate) async fn read_drains(&self, deadline: Instant) -> Result<(), StoreError> {
        let _reading = self.reading.lock().await;
        self.read(deadline).await
    }

    /// The same, for a caller that has the lock.
    async fn read(&self, deadline: Instant) -> Result<(), StoreError> {
        let mut read = cmd("HGETALL");
        read.arg(self.drains_name());
        let answer = self.send(&read, ALL, deadline).await?;
        let drains = parse(&answer).ok_or_else(|| self.garbled())?;
        self.drains.send_if_modified(|current| {
            let is_new = current.as_deref() != Some(&drains);
            if is_new {
                *current = Some(Arc::new(drains));
            }
            is_new
        });
        Ok(())
    }

    fn drains_name(&self) -> String {
        format!("{}:drains", self.options.prefix)
    }

    fn garbled(&self) -> StoreError {
        let what = "answered a command of drains with something else";
        StoreError::new(ErrorKind::Garbled, self.options.shown(), what)
    }
}
