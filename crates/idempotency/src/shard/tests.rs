//! Room and shares of one shard.

use super::*;
use crate::identity::Fingerprint;

const KEPT: Duration = Duration::from_mins(1);

fn hash(number: u32) -> KeyHash {
    // Spread over the index, which goes by the lower half.
    KeyHash(u128::from(number.wrapping_mul(0x9e37_79b9)) << 32 | u128::from(number))
}

/// A shard that keeps these keys, each of a client, the oldest first.
fn shard(keys: impl IntoIterator<Item = (u32, u64)>) -> Shard {
    let mut shard = Shard::new(true);
    for (at, (key, client)) in keys.into_iter().enumerate() {
        let new = || Entry::new(hash(key), Fingerprint(1), client);
        assert!(shard.get_or_insert(hash(key), new).is_some());
        let since = Duration::from_millis(100 * u64::try_from(at).unwrap());
        shard.keep(hash(key), Tick::at(since));
    }
    shard
}

/// How many keys the clients have, which are numbered from 0.
fn counts<const CLIENTS: usize>(shard: &mut Shard) -> [u32; CLIENTS] {
    let counts = shard.audit();
    let of = |client: usize| counts.get(&u64::try_from(client).unwrap()).copied();
    std::array::from_fn(|client| of(client).unwrap_or(0))
}

/// Keys of four clients in turn, of which the first has one key more than the others, its newest.
fn almost_even(each: u32) -> impl Iterator<Item = (u32, u64)> {
    let keys = (0..4 * each).map(|key| (key, u64::from(key % 4)));
    keys.chain([(4 * each, 0)])
}

#[test]
fn who_has_more_than_a_smaller_share_is_found_when_the_room_is_made_smaller() {
    // With room for 16, a share is 4: only the first client has more.
    let mut shard = shard(almost_even(4));
    shard.expire(16, KEPT, Duration::ZERO);
    assert_eq!(counts(&mut shard), [4, 4, 4, 4]);
    assert_eq!((shard.evicted.over_share, shard.evicted.oldest), (1, 0));
}

#[test]
fn who_has_just_its_share_loses_no_key_before_an_older_one() {
    let five = (0..20).map(|key| (key, u64::from(key / 4)));
    let mut shard = shard(five);
    shard.expire(16, KEPT, Duration::ZERO);
    assert_eq!(counts(&mut shard), [0, 4, 4, 4, 4], "the oldest");
    assert_eq!((shard.evicted.over_share, shard.evicted.oldest), (0, 4));
}

#[test]
fn one_that_is_back_at_its_share_leaves_the_others_above_theirs() {
    let mut shard = shard(almost_even(4).chain([(50, 1), (51, 1)]));
    shard.expire(16, KEPT, Duration::ZERO);
    assert_eq!(counts(&mut shard), [4, 4, 4, 4]);
    assert_eq!((shard.evicted.over_share, shard.evicted.oldest), (3, 0));
}

#[test]
fn a_key_in_use_does_not_keep_those_behind_it() {
    let mut shard = shard((0..10).map(|key| (key, 0)));
    shard.get(hash(0)).unwrap().claims = 1;
    shard.expire(10, KEPT, 2 * KEPT);
    assert_eq!(shard.len(), 1);
    assert!(shard.get(hash(0)).is_some());
    assert_eq!(shard.evicted, Evicted::default());
}

#[test]
fn room_is_made_for_many_keys_at_once() {
    let mut shard = Shard::new(true);
    let mut rooms = Vec::new();
    for key in 0..10_000 {
        let new = || Entry::new(hash(key), Fingerprint(1), 1);
        assert!(shard.get_or_insert(hash(key), new).is_some());
        rooms.push(shard.slab.capacity());
    }
    rooms.dedup();
    // 64 more each time up to 256, then a quarter more.
    assert!(rooms.len() <= 24, "{rooms:?}");
}

/// Room for entries, index and clients.
fn rooms(shard: &Shard) -> [usize; 3] {
    // The places of the index: its capacity also goes by how it was filled.
    let index = shard.index.num_buckets() * 7 / 8;
    [shard.slab.capacity(), index, shard.clients.capacity()]
}

/// Leaves only the newest keys.
fn leave(shard: &mut Shard, left: usize) {
    while shard.len() > left {
        let oldest = shard.kept.oldest().unwrap();
        shard.unlink(oldest);
        shard.remove(oldest);
    }
}

#[test]
fn room_is_given_back_when_few_need_it_and_not_before() {
    let mut shard = shard((0..1_000).map(|key| (key, u64::from(key))));
    let [entries, index, clients] = rooms(&shard);
    for left in [1_000, 400] {
        leave(&mut shard, left);
        shard.shrink();
        let [is_entries, is_index, is_clients] = rooms(&shard);
        assert_eq!((is_entries, is_index), (entries, index), "{left} use it");
        // A map's capacity becomes a little less where keys were removed.
        assert!(is_clients > clients * 3 / 4, "{left} use it");
    }
    leave(&mut shard, 100);
    shard.shrink();
    let after = rooms(&shard);
    assert!(after.iter().all(|room| *room >= 200), "twice: {after:?}");
    assert!(after.iter().all(|room| *room < 500), "no more: {after:?}");
    leave(&mut shard, 0);
    shard.shrink();
    let empty = rooms(&shard);
    assert!(empty.iter().all(|room| *room >= ROOM), "{empty:?}");
    assert!(empty.iter().all(|room| *room <= 4 * ROOM), "{empty:?}");
}

#[test]
fn what_was_forgotten_in_two_places_is_counted_together() {
    let seconds = Duration::from_secs;
    let evicted = |oldest, over_share, kept_for| Evicted {
        oldest,
        over_share,
        kept_for,
    };
    let both = evicted(2, 3, Some(seconds(5))).and(evicted(4, 5, Some(seconds(3))));
    assert_eq!(both, evicted(6, 8, Some(seconds(3))));
    assert_eq!(both.and(Evicted::default()), both);
}
