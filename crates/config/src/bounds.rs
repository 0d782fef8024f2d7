//! The largest value of each number of the configuration, and why.

/// The most substations of one proxy: selection and scraping are measured up to here.
pub const MOST_SUBSTATIONS: usize = 10_000;
/// The largest file, in bytes: ten thousand substations, each with a name and a host of the greatest length, and as
/// much again of comments.
pub(crate) const LARGEST_FILE: usize = 8 << 20;
/// The most threads that serve requests: no machine gains from more.
pub(crate) const MOST_THREADS: usize = 256;
/// The smallest and the largest limit of a head, in bytes: less refuses honest clients, and positions in a head are kept in
/// sixteen bits.
pub(crate) const SMALLEST_HEAD: usize = 1 << 10;
pub(crate) const LARGEST_HEAD: usize = 64 << 10;
/// The most connections of the admin port: its clients are counted on fingers.
pub(crate) const MOST_ADMIN_CONNECTIONS: usize = 10_000;
/// The largest body, in bytes: it is held in memory whole, once for each request in flight.
pub(crate) const LARGEST_BODY: usize = 16 << 20;
/// The least and the most memory for requests that are still arriving, in bytes.
pub(crate) const LEAST_BUFFERED: usize = 1 << 20;
pub(crate) const MOST_BUFFERED: usize = 64 << 30;
/// The most client connections: a million file descriptors is as far as a Linux process goes by default.
pub(crate) const MOST_CONNECTIONS: usize = 1_000_000;
/// The most `Idempotency-Key`s that are remembered.
pub(crate) const MOST_KEYS: usize = 100_000_000;
/// The least and the most memory for them, in bytes.
pub(crate) const LEAST_KEY_MEMORY: usize = 64 << 10;
pub(crate) const MOST_KEY_MEMORY: usize = 64 << 30;
/// The most failures in a row before an ejection.
pub(crate) const MOST_FAILURES: u32 = 1000;
/// The most exchanges that a success rate can require.
pub(crate) const MOST_EXCHANGES: u64 = 1_000_000;
/// The largest tolerance of the choice, as a share of a capacity: beyond it, load gauges would hardly be needed.
pub(crate) const MOST_TOLERANCE: f64 = 0.1;
/// The most streams of a connection: no known client opens more by default.
pub(crate) const MOST_STREAMS: u32 = 10_000;
/// The most times that one request is sent.
pub(crate) const MOST_ATTEMPTS: u32 = 10;
/// The longest word for a substation in messages, in bytes.
pub(crate) const LARGEST_NOUN: usize = 32;
/// The most tokens of one client.
pub(super) const MOST_TOKENS: usize = 8;
