//! Drains of the whole fleet.

use std::time::Duration;

use switchyard_faults::{PATIENCE, RedisServer};
use switchyard_fleet::{Drain, ErrorKind, StoreState};
use tokio::time::{Instant, timeout};

use crate::support::{Kept, relay::Relay};

/// Within this a drain is in force everywhere; twice what is promised, for a busy machine.
const EVERYWHERE: Duration = Duration::from_secs(2);

fn storm() -> Drain {
    Drain {
        by: "10.0.0.1".to_owned(),
        at: 1_764_000_000_000,
        reason: Some("storm".to_owned()),
    }
}

/// Waits until exactly these are drained, and says how long that took.
async fn until(kept: &Kept, wanted: &[&str]) -> Duration {
    let began = Instant::now();
    let mut drains = kept.store.drains();
    let seen = drains.wait_for(|drains| {
        let names = drains.iter().flat_map(|drains| drains.keys());
        names.map(|name| &**name).eq(wanted.iter().copied())
    });
    drop(timeout(PATIENCE, seen).await.unwrap().unwrap());
    began.elapsed()
}

#[tokio::test]
async fn a_drain_through_one_proxy_is_in_force_in_all_within_a_second() {
    let server = RedisServer::start();
    let (one, two) = (Kept::at(&server.store()), Kept::at(&server.store()));
    one.until(StoreState::Up).await;
    two.until(StoreState::Up).await;
    one.store.set_drain("a", &storm(), true).await.unwrap();
    assert_eq!(one.store.drains().borrow().as_ref().unwrap()["a"], storm());
    let took = until(&two, &["a"]).await;
    assert!(took < EVERYWHERE, "{took:?}");
    assert_eq!(two.store.drains().borrow().as_ref().unwrap()["a"], storm());

    two.store
        .set_drain("b@127.0.0.1:1", &Drain::default(), true)
        .await
        .unwrap();
    until(&one, &["a", "b@127.0.0.1:1"]).await;
    two.store.unset_drain("a").await.unwrap();
    let took = until(&one, &["b@127.0.0.1:1"]).await;
    assert!(took < EVERYWHERE, "{took:?}");
    // Nobody is hurt by a second one.
    one.store.unset_drain("a").await.unwrap();
}

#[tokio::test]
async fn drains_outlive_proxies_and_a_store_that_is_away() {
    let mut server = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let one = Kept::at(&server.store());
    one.store.set_drain("a", &storm(), true).await.unwrap();
    server.kill();
    one.until(StoreState::Down).await;
    assert_eq!(one.store.drains().borrow().as_ref().unwrap()["a"], storm());
    let error = one.store.unset_drain("a").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    drop(one);
    server.start_again();
    let two = Kept::at(&server.store());
    until(&two, &["a"]).await;
}

#[tokio::test]
async fn drains_are_read_again_after_a_partition() {
    let server = RedisServer::start();
    let relay = Relay::to(&server.socket()).await;
    let (one, two) = (Kept::at(&server.store()), Kept::at(&relay.store()));
    two.until(StoreState::Up).await;
    relay.part();
    one.store.set_drain("a", &storm(), true).await.unwrap();
    relay.mend();
    until(&two, &["a"]).await;
}

#[tokio::test]
async fn a_reader_is_woken_by_changes_only() {
    let server = RedisServer::start();
    let kept = Kept::at(&server.store());
    kept.store.set_drain("a", &storm(), true).await.unwrap();
    let mut drains = kept.store.drains();
    drains.mark_unchanged();
    kept.store.set_drain("a", &storm(), true).await.unwrap();
    assert!(!drains.has_changed().unwrap());
    kept.store
        .set_drain("a", &Drain::default(), true)
        .await
        .unwrap();
    assert!(drains.has_changed().unwrap());
}

#[tokio::test]
async fn a_hundred_commands_at_once_leave_what_the_store_has() {
    let server = RedisServer::start();
    let kept: Vec<_> = (0..4).map(|_| Kept::at(&server.store())).collect();
    let names: Vec<_> = (0..25).map(|number| format!("s{number:02}")).collect();
    for round in 0..4 {
        let commands = names.iter().enumerate().map(async |(at, name)| {
            let store = &kept[(at + round) % 4].store;
            if (at + round) % 3 == 0 {
                store.unset_drain(name).await
            } else {
                store.set_drain(name, &storm(), true).await
            }
        });
        for ended in futures_util::future::join_all(commands).await {
            ended.unwrap();
        }
    }
    let wanted: Vec<_> = (0..25)
        .filter(|at| (at + 3) % 3 != 0)
        .map(|at| &*names[at])
        .collect();
    for one in &kept {
        until(one, &wanted).await;
    }
}
