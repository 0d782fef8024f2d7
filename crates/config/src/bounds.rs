//! How far each number of the configuration may go, and why no further.

/// The most substations of one proxy: what the choice and the scraper are measured for.
pub const MOST_SUBSTATIONS: usize = 10_000;
/// The most threads that serve requests: more than any machine gains from.
pub(crate) const MOST_THREADS: usize = 256;
/// The largest body, in bytes: it is held in memory whole, once for each request in hand.
pub(crate) const LARGEST_BODY: usize = 16 << 20;
/// The most client connections: a million file descriptors is as far as a Linux process goes by default.
pub(crate) const MOST_CONNECTIONS: usize = 1_000_000;
/// The most `Idempotency-Key`s that are remembered, at some 100 bytes each.
pub(crate) const MOST_KEYS: usize = 10_000_000;
/// The most failures in a row that are waited for before an ejection.
pub(crate) const MOST_FAILURES: u32 = 1000;
/// The most exchanges that a success rate waits for.
pub(crate) const MOST_EXCHANGES: u64 = 1_000_000;
/// The most streams of a connection: more than anybody's client opens by itself.
pub(crate) const MOST_STREAMS: u32 = 10_000;
/// The most times that one request is sent.
pub(crate) const MOST_ATTEMPTS: u32 = 10;
