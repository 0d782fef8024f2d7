//! Whether the store takes claims: for the metric, `/status` and the log.

use std::sync::Arc;

use enum_map::EnumMap;
use parking_lot::Mutex;
use prometheus::IntGauge;
use tracing::{info, warn};

use crate::{ErrorKind, StoreError};

/// The last verdict on the store.
#[derive(Debug)]
pub(crate) struct Health {
    store: Arc<str>,
    up: IntGauge,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// `None` before the first check.
    is_up: Option<bool>,
    /// The kinds of errors that the log has told since the store was up.
    told: EnumMap<ErrorKind, bool>,
}

impl Health {
    pub(crate) fn new(store: &Arc<str>, up: IntGauge) -> Self {
        up.set(0);
        Self {
            store: Arc::clone(store),
            up,
            seen: Mutex::default(),
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up.get() == 1
    }

    /// A check has ended. The log tells each change, and each kind of error once while the store is down.
    pub(crate) fn note(&self, error: Option<StoreError>) {
        let mut seen = self.seen.lock();
        self.up.set(error.is_none().into());
        match error {
            None => {
                if seen.is_up != Some(true) {
                    info!(store = %self.store, "Shared store in use");
                }
                *seen = Seen {
                    is_up: Some(true),
                    told: EnumMap::default(),
                };
            }
            Some(error) => {
                seen.is_up = Some(false);
                if !std::mem::replace(&mut seen.told[error.kind], true) {
                    warn!(store = %self.store, %error, "Shared store unavailable");
                }
            }
        }
    }
}
