//! What a line tells.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

/// One request, as its line tells of it. What is `'static` comes from the proxy itself: it is short, and there is nothing in it
/// to be escaped.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// When its first byte arrived.
    pub time: SystemTime,
    /// Its id.
    pub request_id: &'a [u8],
    /// The trace that it belongs to.
    pub trace_id: Option<[u8; 16]>,
    /// The name of its client.
    pub client: Option<&'a str>,
    /// The address of its client.
    pub remote: IpAddr,
    /// None if it could not be read.
    pub method: Option<&'a str>,
    /// Without the query. None if it could not be read.
    pub path: Option<&'a str>,
    /// The status of the answer.
    pub status: u16,
    /// The code of the error, if the proxy itself made the answer.
    pub code: Option<&'static str>,
    /// What it counts as.
    pub outcome: &'static str,
    /// The substation that was asked last.
    pub substation: Option<&'a str>,
    /// The limit that left no room.
    pub limit: Option<&'a str>,
    /// The load of a charge.
    pub load: Option<f64>,
    /// How many times it was sent to a substation.
    pub attempts: usize,
    /// Whether it has an `Idempotency-Key`. None if its head could not be read.
    pub has_key: Option<bool>,
    /// From its first byte to the last byte of its answer.
    pub took: Duration,
    /// How long it stood in line.
    pub queued: Duration,
    /// How long all attempts took.
    pub upstream: Duration,
    /// The length of its body.
    pub bytes_in: usize,
    /// The length of the answer's body.
    pub bytes_out: usize,
    /// The version of HTTP.
    pub protocol: &'static str,
    /// Whether it came over TLS.
    pub is_tls: bool,
    /// `Referer`, which only [`Format::Combined`](crate::Format::Combined) shows.
    pub referer: Option<&'a [u8]>,
    /// `User-Agent`, which only [`Format::Combined`](crate::Format::Combined) shows.
    pub user_agent: Option<&'a [u8]>,
}
