//! Who asks for charges, and how.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A client: one request after another, from a machine of its own.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ClientPlan {
    /// Its number, from which its chances are drawn.
    pub id: usize,
    /// What it speaks.
    pub protocol: Protocol,
    /// The pause between two of its requests, on average.
    pub pause: Duration,
    /// How many requests it sends at most, repetitions not counted.
    pub requests: usize,
    /// The share of its charges that have an `Idempotency-Key`.
    pub keyed: f64,
    /// How often it asks again after a refusal, or a failure that the contract lets it repeat.
    pub repeats: usize,
    /// Whether a repetition goes to the next proxy.
    pub wanders: bool,
    /// The share of its requests whose answers it does not wait for.
    pub leaves: f64,
    /// The share of its requests that it sends in pieces, with pauses.
    pub dribbles: f64,
    /// The share of its answers that it reads slowly.
    pub sips: f64,
    /// The share of its sessions that it looks at, and the same share that it ends by a DELETE.
    pub tends: f64,
    /// The share of its charges with a key that it sends twice at once, the second to the next proxy.
    pub twins: f64,
    /// The load of a charge, at most.
    pub load: f64,
    /// How long a session lasts, at most.
    pub lasts: Duration,
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1 over a connection that is kept.
    Http1,
    /// HTTP/1.1, a connection for each request.
    Http1Once,
    /// HTTP/2 by prior knowledge.
    Http2,
}
