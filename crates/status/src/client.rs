//! One configured client, in the answer of `/status`.

use serde::Serialize;

/// A client, and what it has and asked for since the proxy started. Never its token, nor the hash of it.
#[derive(Debug, Serialize)]
pub struct ClientStatus<'a> {
    /// Its name.
    pub name: &'a str,
    /// The load that it has at once.
    pub load: f64,
    /// The most that it may have; null without a limit.
    pub most_load: Option<f64>,
    /// How many requests it has sent.
    pub requests: u64,
    /// How many of them were over its rate.
    pub refused_for_rate: u64,
    /// How many of them were over its load.
    pub refused_for_load: u64,
}
