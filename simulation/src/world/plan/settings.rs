//! What the configuration of the proxies says.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The parts of a configuration that differ from day to day. All proxies of a day have the same.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Settings {
    /// `threads`.
    pub threads: usize,
    /// `charge.lasts`, and whether substations hold a request until its load ends.
    pub lasts: Lasts,
    /// How substations are found.
    pub discovery: Discovery,
    /// The limits above substations, parents first.
    pub feeders: Vec<Feeder>,
    /// The shared store, if there is one.
    pub store: Option<Store>,
    /// Whether each proxy has a state file.
    pub has_state_file: bool,
    /// `state.interval`.
    pub state_interval: Duration,
    /// `load.interval`: a poll.
    pub interval: Duration,
    /// `load.timeout`.
    pub scrape_timeout: Duration,
    /// `timeouts.connect`.
    pub connect: Duration,
    /// `timeouts.request`.
    pub request: Duration,
    /// `timeouts.client`.
    pub client: Duration,
    /// `timeouts.idle`.
    pub idle: Duration,
    /// `admission.queue`.
    pub queue: usize,
    /// `admission.timeout`.
    pub queue_timeout: Duration,
    /// `retry.attempts`.
    pub attempts: usize,
    /// `retry.budget`.
    pub budget: f64,
    /// `health.longest_ejection`.
    pub longest_ejection: Duration,
    /// `health.slow_start`.
    pub slow_start: Duration,
    /// `drain.delay`.
    pub drain_delay: Duration,
    /// `upstream.pipeline`: `auto`, `off` or a number.
    pub pipeline: String,
}

/// How long the load of a charge lasts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lasts {
    /// Longer than the answer: until the session ends.
    Session,
    /// As long as the request is under way.
    Answer,
}

/// How the proxies find substations.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Discovery {
    /// The configuration lists their addresses.
    List,
    /// The configuration lists host names, which the resolver knows.
    Names,
    /// A file of targets lists their addresses.
    File,
}

/// A limit above substations.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Feeder {
    /// The feeder above it, by its place in the list; an earlier one.
    pub parent: Option<usize>,
    /// The most that all substations below it bear together.
    pub capacity: f64,
}

/// The shared store.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Store {
    /// `fleet.timeout`.
    pub timeout: Duration,
    /// Whether keys are refused while it can't be asked, or the proxies go by their own.
    pub refuses: bool,
}

impl Settings {
    /// The name of a feeder.
    #[must_use]
    pub fn feeder_name(at: usize) -> String {
        format!("feeder{at}")
    }

    /// The longest that a proxy may take for a request, from its first byte to the last byte of the answer.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.client + self.request + self.connect
    }

    /// The longest that a graceful stop may take.
    #[must_use]
    pub fn stop(&self) -> Duration {
        self.drain_delay + self.deadline()
    }
}
