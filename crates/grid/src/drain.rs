//! Why a substation gets no new sessions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tracing::info;

/// Who says that a substation drains. Of those that say it, the first one is shown: as long as it does, ending another
/// changes nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DrainSource {
    /// `substations[].drain`.
    Configuration,
    /// The target label `drain`.
    Discovery,
    /// A command, in force on all proxies that share the store.
    Fleet,
    /// A command, in force on this proxy alone.
    Local,
}

impl DrainSource {
    /// Its name in metrics and the log.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Discovery => "discovery",
            Self::Fleet => "fleet",
            Self::Local => "local",
        }
    }
}

/// Why a substation gets no new sessions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Drain {
    /// Who says so.
    pub source: DrainSource,
    /// `configuration`, `discovery`, or who gave the command.
    pub by: Arc<str>,
    /// Since when, in seconds since the Unix epoch.
    pub at: u64,
    /// Why, if that was given.
    pub reason: Option<Arc<str>>,
}

impl Drain {
    pub(super) fn listed(source: DrainSource, at: u64) -> Self {
        Self {
            source,
            by: source.name().into(),
            at,
            reason: None,
        }
    }

    /// Logs that a substation drains from now on.
    pub(super) fn log_begin(&self, substation: &str) {
        let (by, reason, source) = (&*self.by, self.reason.as_deref(), self.source.name());
        info!(
            substation,
            by, reason, source, "Substation is draining: it gets no new sessions"
        );
    }

    /// Logs that a substation no longer drains.
    pub(super) fn log_end(substation: &str, by: &str) {
        info!(substation, by, "Substation is no longer draining");
    }
}

/// A drain by command, as one process leaves it to the next.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CarriedDrain {
    /// The name that it belongs to.
    pub name: String,
    /// Who gave the command.
    pub by: String,
    /// When, in seconds since the Unix epoch.
    pub at: u64,
    /// Why, if that was given.
    pub reason: Option<String>,
    /// Whether it is in force on this proxy alone.
    pub is_local: bool,
}
