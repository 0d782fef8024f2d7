//! Whatever another process has left of its keys, its limits and its clients, and whatever it asks: a process that takes it
//! over neither panics nor keeps what it can't leave to the next one.

#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use serde::{Serialize, de::DeserializeOwned};
use switchyard_clients::{Accounts, CarriedClients};
use switchyard_idempotency::{
    Asker, CarriedKeys, Claimed, Fingerprint, HolderId, KeyHash, Keys, Released,
};
use switchyard_limits::{CarriedLimits, Limits, Now, Timestamp};

/// How long ago it was left.
const AGO: Duration = Duration::from_secs(3);

/// What is read, if it is anything. It reads back from what is written of it.
fn read<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Option<T> {
    let read: T = postcard::from_bytes(bytes).ok()?;
    let written = postcard::to_stdvec(&read).expect("what is read is written");
    let again: T = postcard::from_bytes(&written).expect("and read again");
    assert_eq!(postcard::to_stdvec(&again).ok(), Some(written));
    Some(read)
}

fn keys(bytes: &[u8]) {
    let Some(carried) = read::<CarriedKeys>(bytes) else {
        return;
    };
    let now = Instant::now();
    for decides in [true, false] {
        let table = Keys::new(1, now);
        table.decide(decides);
        table.restore(carried.clone(), AGO, now);
        assert!(table.count() <= carried.len(), "no key that was not left");
        let left = table.carry(now);
        assert!(left.len() <= table.count());
        let next = Keys::new(2, now);
        next.decide(decides);
        next.restore(left.clone(), Duration::ZERO, now);
        assert_eq!(next.count(), left.len(), "all that is left is taken over");
        table.expire(
            now,
            &switchyard_idempotency::Limits {
                most: 16,
                kept_for: Duration::from_secs(600),
            },
        );
    }
}

fn limits(bytes: &[u8]) {
    let Some(carried) = read::<CarriedLimits>(bytes) else {
        return;
    };
    let now = Now {
        wall: Timestamp::from(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 30)),
        uptime: Duration::from_secs(1_000),
    };
    let mut table = Limits::default();
    let count = carried.limits.len();
    let restored = table.restore(carried, AGO, now);
    assert!(restored.restored + restored.unreadable.len() <= count);
    table.advance(now);
    let left = table.carry(now);
    let mut next = Limits::default();
    let again = next.restore(left.clone(), Duration::ZERO, now);
    assert_eq!(
        (again.restored, again.unreadable.len()),
        (left.limits.len(), 0)
    );
}

fn clients(bytes: &[u8]) {
    let Some(carried) = read::<CarriedClients>(bytes) else {
        return;
    };
    let now = Duration::from_secs(1_000);
    let accounts = Accounts::default();
    accounts.restore(carried, AGO, now);
    accounts.expire(now);
    let left = accounts.carry(now);
    let next = Accounts::default();
    next.restore(left.clone(), Duration::ZERO, now);
    next.expire(now);
    drop(next.carry(now + Duration::from_secs(1 << 40)));
}

/// Texts and numbers with which processes speak of keys.
fn words(bytes: &[u8]) {
    let _ = read::<(KeyHash, Fingerprint, Asker, HolderId, Duration)>(bytes);
    let _ = read::<Claimed>(bytes);
    let _ = read::<Released>(bytes);
    if let Some(holder) = str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.parse::<HolderId>().ok())
    {
        assert_eq!(holder.to_string().parse(), Ok(holder));
    }
}

// The first byte says of what.
fuzz_target!(|data: &[u8]| {
    let Some((&what, bytes)) = data.split_first() else {
        return;
    };
    match what % 4 {
        0 => keys(bytes),
        1 => limits(bytes),
        2 => clients(bytes),
        _ => words(bytes),
    }
});
