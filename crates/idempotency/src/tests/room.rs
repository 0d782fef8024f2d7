//! How many keys are kept, how long, and whose.

use std::collections::{BTreeMap, HashMap};

use super::*;
use crate::shard::ROOM;

#[test]
fn keys_that_booked_nothing_take_no_room_and_the_others_are_bounded() {
    let rig = rig(2);
    drop(rig.claim("k"));
    assert_eq!(rig.keys.count(), 0);
    for key in 0..10_000 {
        rig.book_at(&key.to_string(), Duration::ZERO);
    }
    let count = rig.keys.count();
    assert!(count <= 3 * SHARDS, "{count}");
    assert_eq!(rig.holder("9999"), Some(holder(1)), "the newest are kept");
    for key in 0..10_000 {
        drop(rig.claim_at(&key.to_string(), KEPT));
    }
    assert_eq!(rig.keys.count(), 0, "all have expired");
}

#[test]
fn without_further_requests_too_keys_expire_and_their_room_is_given_back() {
    let rig = rig(10_000);
    for key in 0..20_000 {
        rig.book_at(&key.to_string(), Duration::ZERO);
    }
    let in_use = rig.claim("k");
    rig.keys.expire(rig.start + KEPT / 2, &rig.limits);
    assert_eq!(rig.keys.count(), 20_001);
    rig.keys.expire(rig.start + KEPT, &rig.limits);
    assert_eq!(rig.keys.count(), 1);
    let room = rig.keys.shards().iter();
    let room: usize = room.map(|shard| shard.lock().capacity()).sum();
    assert!(room <= SHARDS * 8 * ROOM, "room for {room}");
    drop(in_use);
}

#[test]
fn what_is_forgotten_early_is_counted_with_the_time_that_it_was_kept() {
    let rig = rig(10);
    let second = Duration::from_secs(1);
    for key in 0..1_600_u32 {
        rig.book_at(&key.to_string(), second * key / 100);
    }
    let evicted = rig.keys.take_evicted();
    let kept = rig.keys.count() as u64;
    // One client has it all, so its own are what is forgotten.
    assert_eq!((evicted.oldest, evicted.over_share), (0, 1_600 - kept));
    let shortest = evicted.kept_for.unwrap();
    assert!(shortest < 2 * second, "{shortest:?}");
    assert_eq!(rig.keys.take_evicted(), crate::Evicted::default());
    rig.keys.expire(rig.start + 2 * KEPT, &rig.limits);
    let evicted = rig.keys.take_evicted();
    assert_eq!(evicted, crate::Evicted::default(), "their time was over");
}

#[test]
fn a_client_with_more_than_its_share_loses_its_own_keys_and_no_others() {
    let rig = rig(100);
    // Half of the room for two modest clients, in turn with a flood.
    let modest = |client: u64, key: u32| format!("{client}-{key}");
    for key in 0..400 {
        rig.book_of(1, &modest(1, key), Duration::ZERO);
        rig.book_of(2, &modest(2, key), Duration::ZERO);
        for flood in 0..50 {
            rig.book_of(3, &format!("flood {key} {flood}"), Duration::ZERO);
        }
    }
    // Hashes fall unevenly into shards, so a few shards may have more than a share of the modest.
    let kept = |client| {
        let mine = (0..400).filter(|key| rig.holder(&modest(client, *key)).is_some());
        mine.count()
    };
    assert_eq!((kept(1), kept(2)), (400, 400));
    assert_eq!(rig.keys.take_evicted().oldest, 0);
}

#[test]
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a test, far below what an f64 holds exactly"
)]
fn a_key_takes_no_more_memory_than_is_counted_for_it() {
    let most_of = |client_of: fn(u64) -> u64| {
        let rig = rig(20_000);
        let mut most = 0.0_f64;
        for key in 0..150_000 {
            rig.book_of(client_of(key), &key.to_string(), Duration::ZERO);
            if key > 10_000 && key % 500 == 0 {
                let bytes = rig.keys.shards().iter().map(|shard| shard.lock().bytes());
                most = most.max(bytes.sum::<usize>() as f64 / key as f64);
            }
        }
        most
    };
    let (one, own) = (most_of(|_| 1), most_of(|key| key));
    println!("bytes of a key: {one:.1}, and with a client of its own {own:.1}");
    assert!(one < 115.0, "{one}");
    assert!(own <= Keys::BYTES_EACH as f64, "{own}");
}

/// Any sequence of bookings, ends and moments leaves the orders as a plain judge has them.
#[test]
fn the_orders_are_those_of_a_plain_judge_whatever_comes() {
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..200 {
        let rig = rig(1_000);
        let mut judge: BTreeMap<String, (u64, Duration)> = BTreeMap::new();
        let mut now = Duration::ZERO;
        for _ in 0..rng.usize(1..300) {
            now += Duration::from_millis(100 * rng.u64(0..40));
            let (client, key) = (rng.u64(0..4), rng.u32(0..200).to_string());
            judge.retain(|_, (_, since)| now < *since + KEPT);
            if rng.bool() {
                rig.book_of(client, &key, now);
                judge.entry(key).or_insert((client, now));
            } else {
                let expected = judge.get(&key).map(|_| holder(1));
                assert_eq!(rig.holder_at(&key, now), expected, "{key} at {now:?}");
            }
            rig.keys.expire(rig.start + now, &rig.limits);
            assert_eq!(rig.keys.count(), judge.len());
        }
        let mut clients: HashMap<u64, u32> = HashMap::new();
        for shard in rig.keys.shards() {
            for (client, keys) in shard.lock().audit() {
                *clients.entry(client).or_default() += keys;
            }
        }
        let mut expected: HashMap<u64, u32> = HashMap::new();
        for (client, _) in judge.values() {
            *expected.entry(*client).or_default() += 1;
        }
        assert_eq!(clients, expected);
    }
}

/// Of 500 keys of the last ten minutes at 1,000 a second, those that are forgotten; all in a tenth of its size.
fn forgotten(most: usize) -> usize {
    const KEPT_FOR: Duration = Duration::from_mins(10);
    let mut rig = rig(0);
    rig.limits = Limits {
        most: most / 10,
        kept_for: KEPT_FOR,
    };
    let at = |key: u32| Duration::from_millis(10 * u64::from(key));
    for key in 0..60_000 {
        // Thirty clients, none with more than its share.
        rig.book_of(u64::from(key % 30), &key.to_string(), at(key));
    }
    let asked = (0..500).map(|nth| 60 + nth * 120 - 1);
    let lost = asked.filter(|key| rig.holder_at(&key.to_string(), at(59_999)).is_none());
    lost.count()
}

#[test]
fn keys_at_a_thousand_a_second_last_their_ten_minutes_in_the_default_room() {
    assert_eq!(forgotten((128 << 20) / Keys::BYTES_EACH), 0);
    // What 100,000 keys, the default of earlier versions, remember.
    let lost = forgotten(100_000);
    assert!((400..440).contains(&lost), "{lost}");
}
