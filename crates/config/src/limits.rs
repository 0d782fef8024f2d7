//! How much the proxy takes on, and the share of one client in that.

use super::{Rate, bounds, json_schema, show};
use schemars::JsonSchema;
use serde::Serialize;

/// How much the proxy takes on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Limits {
    /// The largest head of a request, in bytes: its request line and headers, written as in HTTP/1.1.
    #[serde(serialize_with = "show::size")]
    #[schemars(with = "json_schema::Size")]
    pub head: usize,
    /// The largest body of a request, in bytes.
    #[serde(serialize_with = "show::size")]
    #[schemars(with = "json_schema::Size")]
    pub body: usize,
    /// The largest body of a substation's answer, in bytes.
    #[serde(serialize_with = "show::size")]
    #[schemars(with = "json_schema::Size")]
    pub answer: usize,
    /// The most bytes that all requests together hold from their arrival to their answer, each beyond its first KiB.
    #[serde(serialize_with = "show::size")]
    #[schemars(with = "json_schema::Memory")]
    pub buffered: usize,
    /// The most client connections at once.
    #[schemars(range(min = 1, max = bounds::MOST_CONNECTIONS))]
    pub connections: usize,
    /// The most requests at work at once.
    #[schemars(range(min = 1, max = bounds::MOST_CONNECTIONS))]
    pub requests: usize,
    /// The share of one client in these limits.
    pub client: ClientLimits,
}

/// The share of one client address in the limits of the proxy.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ClientLimits {
    /// The most connections at once of one address.
    #[schemars(range(min = 1, max = bounds::MOST_CONNECTIONS))]
    pub connections: usize,
    /// The most requests at once of one address, and of one connection.
    #[schemars(range(min = 1, max = bounds::MOST_CONNECTIONS))]
    pub requests: usize,
    /// The most requests of one address without a name, as a rate; without it, there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Rate")]
    pub rate: Option<Rate>,
}

impl ClientLimits {
    /// The share of a limit that one client gets by default: a quarter.
    #[must_use]
    pub const fn share(limit: usize) -> usize {
        if limit < 4 { 1 } else { limit / 4 }
    }
}

impl Default for ClientLimits {
    fn default() -> Self {
        let share = Self::share(10_000);
        Self {
            connections: share,
            requests: share,
            rate: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 16 << 10,
            body: 64 << 10,
            answer: 1 << 20,
            buffered: 32 << 20,
            connections: 10_000,
            requests: 10_000,
            client: ClientLimits::default(),
        }
    }
}
