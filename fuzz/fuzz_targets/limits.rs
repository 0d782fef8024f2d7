//! No body of a limit's `PUT` makes its reader panic. What it takes is within bounds, is put into force and reads back from
//! what the next process gets; what it refuses it explains in a line.

#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use switchyard_balance::Load;
use switchyard_limits::{Limits, Now, Order, Timestamp, read_heartbeat};

const LONGEST: usize = 4 * 1024;

fn now() -> Now {
    Now {
        // The evening of 1 December 2026.
        wall: Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_148_000)),
        uptime: Duration::from_secs(1_000_000),
    }
}

fn explained<T>(read: Result<T, String>) -> Option<T> {
    read.inspect_err(|why| {
        assert!(
            !why.is_empty() && why.len() <= LONGEST,
            "{} bytes",
            why.len()
        );
        assert!(!why.contains('\n'), "{why}");
    })
    .ok()
}

fn check(order: &Order, body: &[u8]) {
    let now = now();
    assert!((Load::ZERO..=Load::LARGEST).contains(&order.value));
    assert!(order.until.is_none_or(|until| until > now.wall));
    if let (Some(from), Some(until)) = (order.from, order.until) {
        assert!(from < until);
    }
    for time in [order.from, order.until].into_iter().flatten() {
        assert_eq!(Timestamp::read(&time.to_string()), Ok(time));
    }
    let written: Value = serde_json::from_slice(body).expect("JSON");
    assert_eq!(written["source"].as_str(), Some(&*order.source));
    assert_eq!(
        written["value"].as_f64().and_then(Load::new),
        Some(order.value)
    );

    let mut limits = Limits::default();
    let _ = limits
        .put("north", order.clone(), now)
        .expect("there is room");
    limits.advance(now);
    let _ = limits.next_due(now);
    let carried = limits.carry(now);
    let mut next = Limits::default();
    let restored = next.restore(carried.clone(), Duration::ZERO, now);
    assert_eq!((restored.restored, restored.unreadable.len()), (1, 0));
    next.advance(now);
    assert_eq!(next.carry(now), carried);
    // A long time later.
    let later = Now {
        wall: now.wall,
        uptime: now.uptime + Duration::from_secs(1 << 40),
    };
    limits.advance(later);
}

fuzz_target!(|body: &[u8]| {
    if let Some(order) = explained(Order::read(body, now().wall)) {
        check(&order, body);
    }
    if let Some(source) = explained(read_heartbeat(body)) {
        let written: Value = serde_json::from_slice(body).expect("JSON");
        assert_eq!(written["source"].as_str(), Some(&*source));
        assert_eq!(written.as_object().map(serde_json::Map::len), Some(1));
    }
    if let Ok(text) = str::from_utf8(body) {
        if let Some(time) = explained(Timestamp::read(text)) {
            assert_eq!(Timestamp::read(&time.to_string()), Ok(time));
        }
    }
});
