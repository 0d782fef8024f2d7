//! The states of a key: claimed, asked for, bound or free again, forgotten.

use http::{HeaderMap, HeaderValue};

use super::*;

const KEPT: Duration = Duration::from_mins(1);

/// An empty store with its limits.
struct Rig {
    keys: IdempotencyKeys<u32>,
    rules: config::Retry,
}

fn keys(most: usize) -> Rig {
    Rig {
        keys: IdempotencyKeys::default(),
        rules: config::Retry {
            keys: config::KeyRoom::Keys(most * SHARDS),
            keys_for: KEPT,
            ..config::Retry::default()
        },
    }
}

impl Rig {
    fn claim(&self, key: &[u8], now: Instant) -> Claim<'_, u32> {
        self.keys.claim(key, now, &self.rules)
    }

    fn count(&self) -> usize {
        self.keys.count()
    }
}

#[test]
fn a_key_belongs_to_the_substation_that_may_have_booked_and_is_free_otherwise() {
    let (keys, now) = (keys(10), Instant::now());
    let mut first = keys.claim(b"k", now);
    assert_eq!(first.ask_holder(), None);
    assert!(first.ask(&3));
    assert!(first.release(), "a refusal leaves nothing");
    assert!(first.ask(&4));
    first.bind();
    drop(first);
    let mut again = keys.claim(b"k", now);
    assert_eq!(again.ask_holder(), Some(4));
    assert!(!again.release(), "it may have booked before");
    assert_eq!(keys.claim(b"other", now).ask_holder(), None);
}

#[test]
fn of_two_requests_at_once_the_second_follows_the_first() {
    let (keys, now) = (keys(10), Instant::now());
    let (mut one, mut two) = (keys.claim(b"k", now), keys.claim(b"k", now));
    assert!(one.ask(&1));
    assert!(!two.ask(&2), "the first request holds the key");
    assert_eq!(two.ask_holder(), Some(1));
    assert!(!two.release(), "the first still waits for an answer there");
    assert!(one.release());
    assert!(two.ask(&2));
}

#[test]
fn a_request_that_vanishes_while_it_asks_counts_as_booked() {
    let (keys, now) = (keys(10), Instant::now());
    let mut claim = keys.claim(b"k", now);
    assert!(claim.ask(&1));
    drop(claim);
    assert_eq!(keys.claim(b"k", now).ask_holder(), Some(1));
}

#[test]
fn keys_that_booked_nothing_take_no_room_and_the_others_are_bounded() {
    let (keys, start) = (keys(2), Instant::now());
    drop(keys.claim(b"k", start));
    assert_eq!(keys.count(), 0);
    for key in 0..10_000_u32 {
        let mut claim = keys.claim(&key.to_be_bytes(), start);
        assert!(claim.ask(&0));
        claim.bind();
    }
    assert!(keys.count() <= 3 * SHARDS, "{}", keys.count());
    assert_eq!(
        keys.claim(&9_999_u32.to_be_bytes(), start).ask_holder(),
        Some(0),
        "the newest are kept"
    );
    for key in 0..10_000_u32 {
        drop(keys.claim(&key.to_be_bytes(), start + KEPT));
    }
    assert_eq!(keys.count(), 0, "all have expired");
}

#[test]
fn without_further_requests_too_keys_expire_and_their_room_is_given_back() {
    let (keys, start) = (keys(10_000), Instant::now());
    for key in 0..20_000_u32 {
        let mut claim = keys.claim(&key.to_be_bytes(), start);
        assert!(claim.ask(&0));
    }
    let in_use = keys.claim(b"k", start);
    keys.keys.expire(start + KEPT / 2, &keys.rules);
    assert_eq!(keys.count(), 20_001);
    keys.keys.expire(start + KEPT, &keys.rules);
    assert_eq!(keys.count(), 1);
    let room = |shard: &Mutex<Shard<u32>>| {
        let shard = shard.lock();
        shard.entries.capacity() + shard.bound.capacity()
    };
    let room: usize = keys.keys.shards.iter().map(room).sum();
    assert!(room <= SHARDS * 4 * ROOM, "room for {room}");
    drop(in_use);
}

#[test]
fn a_key_in_use_outlives_its_time() {
    let (keys, start) = (keys(1), Instant::now());
    let mut claim = keys.claim(b"k", start);
    assert!(claim.ask(&7));
    claim.bind();
    assert_eq!(claim.ask_holder(), Some(7));
    for key in 0..1_000_u32 {
        drop(keys.claim(&key.to_be_bytes(), start + 2 * KEPT));
    }
    assert_eq!(keys.claim(b"k", start + 2 * KEPT).ask_holder(), Some(7));
}

#[test]
fn an_invalid_key_is_refused() {
    let with = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_str(value).unwrap());
        }
        key_of(Head::Parsed(&headers)).map(|key| key.map(<[u8]>::to_vec))
    };
    assert_eq!(with(&[]).unwrap(), None);
    assert_eq!(with(&["\"8e03\""]).unwrap(), Some(b"\"8e03\"".to_vec()));
    assert!(with(&[&"x".repeat(255)]).is_ok());
    for bad in [&[""][..], &["a b"], &["a", "a"], &[&"x".repeat(256)]] {
        assert_eq!(with(bad).unwrap_err().code, Code::InvalidRequest, "{bad:?}");
    }
}
