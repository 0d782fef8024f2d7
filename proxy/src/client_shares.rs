//! How many connections and requests each client address has, so that none takes the whole limit.
//!
//! A limit of all connections protects the proxy, and not its clients from each other: whoever takes it first has it. So an
//! address may have a share of it (`limits.client`). An IPv6 network of 64 bits counts as one address, because that is
//! what one subscriber gets at least; an IPv4 address in IPv6 form counts as what it is.
//!
//! A connection looks its address up once, when it comes and when it goes. A request only counts up and down in what its
//! connection found, so it takes no lock and allocates nothing; only a rate by address (`limits.client.rate`) looks the
//! address up with each request, since it outlives connections. An address without a connection leaves nothing behind. Over
//! HTTP/2 the work for a request may outlive its connection; the connection counts until then.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use prometheus::IntCounter;
use switchyard_clients::{AddressRates, Allowance, Left, TooSoon};
use switchyard_grid::Source;

/// Number of shards. Each has its own lock, so threads seldom contend.
const SHARDS: usize = 16;

type Shard = Mutex<HashMap<Source, Arc<Used>>>;

/// The shares of all clients that are connected. Shared by all threads.
#[derive(Debug)]
pub struct ClientShares {
    shards: [Shard; SHARDS],
    hash: RandomState,
    /// The rate of each.
    rates: AddressRates,
    /// Counts requests that were refused for their number.
    limited: IntCounter,
    /// Counts requests that came too soon.
    too_soon: IntCounter,
}

/// What one client uses now.
#[derive(Debug, Default)]
struct Used {
    /// Changed under the lock of its shard only.
    connections: AtomicUsize,
    /// Connections over HTTP/2.
    http2: AtomicUsize,
    requests: AtomicUsize,
}

/// One connection of a client; counted until dropped.
#[derive(Debug)]
pub struct ClientShare {
    shares: Arc<ClientShares>,
    key: Source,
    used: Arc<Used>,
    is_http2: bool,
}

/// One request of a client; counted until dropped.
#[derive(Debug)]
pub struct RequestShare<'a> {
    of: &'a ClientShare,
    nth: usize,
}

impl ClientShares {
    /// No clients. `limited` counts their requests over a limit, and `too_soon` those over a rate.
    #[must_use]
    pub fn new(limited: IntCounter, too_soon: IntCounter) -> Self {
        Self {
            shards: Default::default(),
            hash: RandomState::new(),
            rates: AddressRates::default(),
            limited,
            too_soon,
        }
    }

    /// Counts a connection of `address`, unless that has `limit` of them already.
    pub fn connection(self: &Arc<Self>, address: IpAddr, limit: usize) -> Option<ClientShare> {
        let key = Source::of(address);
        let mut shard = self.shard(key)?.lock();
        // Looked up before anything is made: a client over its limit must leave nothing behind.
        if limit == 0 {
            return None;
        }
        let used = shard.entry(key).or_default();
        let open = used.connections.load(Relaxed);
        if open >= limit {
            return None;
        }
        used.connections.store(open + 1, Relaxed);
        Some(ClientShare {
            shares: Arc::clone(self),
            key,
            used: Arc::clone(used),
            is_http2: false,
        })
    }

    /// Number of clients that are connected.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    fn shard(&self, key: Source) -> Option<&Shard> {
        let hash = usize::try_from(self.hash.hash_one(key) % SHARDS as u64);
        self.shards.get(hash.unwrap_or_default())
    }
}

impl ClientShare {
    /// Counts the connection as one that speaks HTTP/2. False if its client has `limit` of them already.
    pub fn speaks_http2(&mut self, limit: usize) -> bool {
        let is_within = self.used.http2.fetch_add(1, Relaxed) < limit;
        self.is_http2 = true;
        is_within
    }

    /// Counts a request.
    #[must_use]
    pub fn request(&self) -> RequestShare<'_> {
        RequestShare {
            nth: self.used.requests.fetch_add(1, Relaxed) + 1,
            of: self,
        }
    }
}

impl RequestShare<'_> {
    /// How many requests its client had when this one began, itself included.
    #[must_use]
    pub fn nth(&self) -> usize {
        self.nth
    }

    /// Takes the request out of what the client at `source` may send at this rate.
    pub fn take(&self, source: Source, rate: Allowance, now: Duration) -> Result<Left, TooSoon> {
        let shares = &self.of.shares;
        let taken = shares.rates.take(source.number(), rate, now);
        taken.inspect_err(|_| shares.too_soon.inc())
    }

    /// Notes that the request is refused for its number.
    pub fn limited(&self) {
        self.of.shares.limited.inc();
    }
}

impl Drop for RequestShare<'_> {
    fn drop(&mut self) {
        self.of.used.requests.fetch_sub(1, Relaxed);
    }
}

impl Drop for ClientShare {
    fn drop(&mut self) {
        let Some(shard) = self.shares.shard(self.key) else {
            return;
        };
        let mut shard = shard.lock();
        if self.is_http2 {
            self.used.http2.fetch_sub(1, Relaxed);
        }
        let open = self.used.connections.load(Relaxed).saturating_sub(1);
        self.used.connections.store(open, Relaxed);
        if open == 0 {
            shard.remove(&self.key);
            // A burst of clients leaves no table for all of them.
            if shard.capacity() > 64 && shard.len() < shard.capacity() / 4 {
                let most = shard.len() * 2;
                shard.shrink_to(most);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, thread};

    use fastrand::Rng;

    use super::*;

    fn shares() -> Arc<ClientShares> {
        let limited = IntCounter::new("limited", "Refused.").unwrap();
        Arc::new(ClientShares::new(limited.clone(), limited))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_of_ipv6_is_one_client_and_ipv4_in_ipv6_is_ipv4() {
        for (one, other, is_same) in [
            ("10.0.0.1", "10.0.0.2", false),
            ("10.0.0.1", "::ffff:10.0.0.1", true),
            ("2001:db8::1", "2001:db8::2:3:4:5", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::ffff:0:0:1", "0.0.0.1", false),
        ] {
            let keys = [one, other].map(|text| Source::of(address(text)));
            assert_eq!(keys[0] == keys[1], is_same, "{one} {other}");
        }
    }

    #[test]
    fn it_agrees_with_a_plain_count_whatever_comes_and_goes_and_leaves_nothing() {
        let mut rng = Rng::with_seed(1);
        let shares = shares();
        let mut open: Vec<(u8, ClientShare)> = Vec::new();
        let mut counts = BTreeMap::<u8, usize>::new();
        for _ in 0..100_000 {
            if rng.bool() {
                let client = rng.u8(0..40);
                let limit = rng.usize(0..8);
                let share = shares.connection(IpAddr::from([10, 0, 0, client]), limit);
                let count = counts.entry(client).or_default();
                assert_eq!(share.is_some(), *count < limit);
                if let Some(share) = share {
                    *count += 1;
                    open.push((client, share));
                }
            } else if !open.is_empty() {
                let (client, share) = open.swap_remove(rng.usize(0..open.len()));
                let requests: Vec<_> = (0..3).map(|_| share.request()).collect();
                let nth: Vec<_> = requests.iter().map(RequestShare::nth).collect();
                assert_eq!(nth, [1, 2, 3], "all others have ended");
                drop(requests);
                drop(share);
                *counts.get_mut(&client).unwrap() -= 1;
            }
            let connected = counts.values().filter(|count| **count > 0).count();
            if rng.u8(..) == 0 {
                assert_eq!(shares.clients(), connected);
            }
        }
        drop(open);
        assert_eq!(shares.clients(), 0);
    }

    #[test]
    fn a_churn_of_addresses_leaves_no_memory() {
        let shares = shares();
        let open: Vec<_> = (0..100_000_u32)
            .map(|bits| shares.connection(IpAddr::V4(bits.into()), 1).unwrap())
            .collect();
        assert_eq!(shares.clients(), 100_000);
        drop(open);
        let kept: usize = shares.shards.iter().map(|one| one.lock().capacity()).sum();
        assert!(kept <= 64 * SHARDS * 2, "{kept}");
    }

    #[test]
    fn connections_over_http2_have_a_limit_of_their_own() {
        let (shares, client) = (shares(), address("10.0.0.1"));
        let mut open: Vec<_> = (0..3)
            .map(|_| shares.connection(client, 9).unwrap())
            .collect();
        let within: Vec<_> = open.iter_mut().map(|one| one.speaks_http2(2)).collect();
        assert_eq!(within, [true, true, false]);
        open.truncate(1);
        assert!(shares.connection(client, 9).unwrap().speaks_http2(2));
    }

    #[test]
    fn threads_together_never_pass_the_limit() {
        let shares = shares();
        let most = AtomicUsize::new(0);
        let now = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        let share = shares.connection(address("10.0.0.1"), 2);
                        if let Some(share) = share {
                            most.fetch_max(now.fetch_add(1, Relaxed) + 1, Relaxed);
                            now.fetch_sub(1, Relaxed);
                            drop(share);
                        }
                    }
                });
            }
        });
        assert!((1..=2).contains(&most.into_inner()));
        assert_eq!(shares.clients(), 0);
    }
}
