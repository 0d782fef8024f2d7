//! What becomes of calls when a real store fails, and how soon it is in use again.

use std::{fs, time::Duration};

use switchyard_faults::RedisServer;
use switchyard_fleet::{Drain, ErrorKind, StoreState};
use switchyard_idempotency::Released;
use tokio::time::{Instant, sleep};

use crate::support::{Kept, TIMEOUT, fleet, held_by, relay::Relay};

#[tokio::test]
async fn a_store_that_is_gone_at_the_start_is_used_once_it_is_there() {
    let mut server = RedisServer::stopped_with(&[]);
    let kept = Kept::hasty(&server.store());
    let error = kept.fails("k").await;
    assert_eq!(error.kind, ErrorKind::Unreachable);
    let socket = server.socket();
    let told = error.to_string();
    assert!(told.contains(socket.to_str().unwrap()), "{told}");
    assert!(
        told.contains("check that it runs, and fleet.store"),
        "{told}"
    );
    sleep(TIMEOUT).await;
    // It is known to be away, so requests are not made to wait for it.
    let began = Instant::now();
    for _ in 0..100 {
        kept.fails("k").await;
    }
    assert!(began.elapsed() < TIMEOUT * 10);
    server.start_again();
    kept.recovers().await;
}

#[tokio::test]
async fn what_was_claimed_outlives_a_store_that_is_killed() {
    let mut server = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let kept = Kept::hasty(&server.store());
    kept.until(StoreState::Up).await;
    let asker = kept.asker();
    assert_eq!(kept.claim("k", asker, "a").await, held_by("a"));
    server.kill();
    let error = kept.fails("k").await;
    assert!(
        matches!(error.kind, ErrorKind::Lost | ErrorKind::Unreachable),
        "{error}"
    );
    kept.until(StoreState::Down).await;
    server.start_again();
    kept.recovers().await;
    assert_eq!(kept.claim("k", kept.asker(), "b").await, held_by("a"));
    assert_eq!(kept.release("k", asker).await, Ok(Released::Held));
}

#[tokio::test]
async fn a_store_that_sleeps_delays_by_the_timeout_and_no_more() {
    let server = RedisServer::start_with(&["--enable-debug-command", "yes"]);
    let kept = Kept::hasty(&server.store());
    kept.until(StoreState::Up).await;
    let slept = tokio::task::spawn_blocking(move || {
        server.ask(["debug", "sleep", "1.5"]);
        server
    });
    kept.until(StoreState::Down).await;
    let error = kept.fails("k").await;
    assert!(
        matches!(error.kind, ErrorKind::Timeout | ErrorKind::Lost),
        "{error}"
    );
    let _server = slept.await.unwrap();
    kept.recovers().await;
}

#[tokio::test]
async fn a_store_that_is_paused_delays_by_the_timeout_and_no_more() {
    let server = RedisServer::start();
    let kept = Kept::hasty(&server.store());
    kept.until(StoreState::Up).await;
    server.ask(["client", "pause", "1500", "all"]);
    let error = kept.fails("k").await;
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.to_string().contains("raise fleet.timeout"), "{error}");
    kept.until(StoreState::Down).await;
    sleep(Duration::from_millis(1500)).await;
    kept.recovers().await;
}

#[tokio::test]
async fn a_store_whose_process_stands_still_is_left_and_found_again() {
    let server = RedisServer::start();
    let kept = Kept::hasty(&server.store());
    kept.until(StoreState::Up).await;
    server.pause();
    for _ in 0..20 {
        kept.fails("k").await;
    }
    kept.until(StoreState::Down).await;
    server.resume();
    kept.recovers().await;
}

#[tokio::test]
async fn a_full_store_refuses_and_says_so() {
    let full = ["--maxmemory", "100kb", "--maxmemory-policy", "noeviction"];
    let server = RedisServer::start_with(&full);
    let kept = Kept::hasty(&server.store());
    kept.until_fails_by(ErrorKind::Full).await;
    let error = kept.fails("k").await;
    assert!(error.to_string().contains("raise its maxmemory"), "{error}");
    assert_eq!(kept.store.state(), StoreState::Down);
    server.ask(["config", "set", "maxmemory", "0"]);
    kept.recovers().await;
}

#[tokio::test]
async fn a_replica_is_no_store() {
    let server = RedisServer::start();
    let kept = Kept::hasty(&server.store());
    kept.until(StoreState::Up).await;
    server.ask(["replicaof", "127.0.0.1", "1"]);
    kept.until_fails_by(ErrorKind::ReadOnly).await;
    kept.until(StoreState::Down).await;
    server.ask(["config", "set", "replica-serve-stale-data", "no"]);
    kept.until_fails_by(ErrorKind::Loading).await;
    server.ask(["replicaof", "no", "one"]);
    kept.recovers().await;
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it_and_a_new_one_is_read() {
    let server = RedisServer::start_with(&["--requirepass", "hunter-right"]);
    let file = server.folder().join("password");
    let mut fleet = fleet(&server.store());
    fleet.timeout = TIMEOUT;

    let kept = Kept::with(&fleet);
    kept.until_fails_by(ErrorKind::Denied).await;
    drop(kept);

    fleet.password_file = Some(file.clone());
    let kept = Kept::with(&fleet);
    kept.until_fails_by(ErrorKind::Denied).await;
    let error = kept.fails("k").await.to_string();
    assert!(error.contains("cannot be read"), "{error}");

    fs::write(&file, "hunter-wrong").unwrap();
    kept.until_fails_with("WRONGPASS").await;
    let error = kept.fails("k").await.to_string();
    assert!(!error.contains("hunter"), "{error}");
    assert!(error.contains("check fleet.password_file"), "{error}");

    fs::write(&file, "hunter-right\n").unwrap();
    kept.recovers().await;

    // Connections that are open stay; the next one needs the new password.
    server.ask([
        "--pass",
        "hunter-right",
        "config",
        "set",
        "requirepass",
        "hunter-new",
    ]);
    fs::write(&file, "default:hunter-new\n").unwrap();
    server.ask(["--pass", "hunter-new", "client", "kill", "type", "normal"]);
    kept.recovers().await;
}

#[tokio::test]
async fn a_password_is_not_told_even_where_the_store_repeats_it() {
    let server = RedisServer::start_with(&["--rename-command", "AUTH", ""]);
    let file = server.folder().join("password");
    fs::write(&file, "hunter2").unwrap();
    let mut fleet = fleet(&server.store());
    fleet.password_file = Some(file);
    fleet.timeout = TIMEOUT;
    let kept = Kept::with(&fleet);
    kept.until_fails_with("AUTH").await;
    let error = kept.fails("k").await;
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_user_that_may_not_claim_is_told_what_it_lacks() {
    let server = RedisServer::start();
    server.ask([
        "acl", "setuser", "proxy", "on", ">secret", "~test:*", "+ping", "+evalsha",
    ]);
    let file = server.folder().join("password");
    fs::write(&file, "proxy:secret").unwrap();
    let mut fleet = fleet(&server.store());
    fleet.password_file = Some(file);
    fleet.timeout = TIMEOUT;
    let kept = Kept::with(&fleet);
    kept.until_fails_by(ErrorKind::NotPermitted).await;
    let error = kept.fails("k").await.to_string();
    assert!(error.contains("docs/operations/fleet.md"), "{error}");
    let page = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/operations/fleet.md"
    );
    let page = fs::read_to_string(page).unwrap();
    let listed = page.lines().find(|line| line.starts_with("A user needs "));
    let rights = listed
        .unwrap()
        .split('`')
        .filter(|word| word.starts_with('+'));
    let words = ["acl", "setuser", "proxy", "resetkeys", "~test:*", "-@all"];
    server.ask(words.into_iter().chain(rights));
    kept.recovers().await;
    kept.store
        .set_drain("a", &Drain::default(), false)
        .await
        .unwrap();
    kept.store.unset_drain("a").await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_not_there_is_no_other_one() {
    let server = RedisServer::start();
    let relay = Relay::to(&server.socket()).await;
    let kept = Kept::hasty(&format!("{}/77", relay.store()));
    kept.until_fails_with("DB index is out of range").await;

    let (zero, five) = (
        Kept::at(&relay.store()),
        Kept::at(&format!("{}/5", relay.store())),
    );
    assert_eq!(zero.claim("k", zero.asker(), "a").await, held_by("a"));
    assert_eq!(five.claim("k", five.asker(), "b").await, held_by("b"));
}

#[tokio::test]
async fn a_store_without_scripts_is_told_what_it_must_be() {
    for command in ["EVALSHA", "EVAL"] {
        let server = RedisServer::start_with(&["--rename-command", command, ""]);
        let kept = Kept::hasty(&server.store());
        kept.until_fails_by(ErrorKind::Unsupported).await;
        let error = kept.fails("k").await.to_string();
        assert!(error.contains("it must be Redis 7 or Valkey"), "{error}");
    }
}

#[tokio::test]
async fn scripts_that_the_store_forgets_are_sent_again() {
    let server = RedisServer::start();
    let kept = Kept::at(&server.store());
    for number in 0..20 {
        server.ask(["script", "flush"]);
        let key = number.to_string();
        let asker = kept.asker();
        assert_eq!(kept.claim(&key, asker, "a").await, held_by("a"));
        server.ask(["script", "flush"]);
        assert_eq!(kept.release(&key, asker).await, Ok(Released::Free));
    }
}

#[tokio::test]
async fn a_partition_of_ten_seconds_delays_by_the_timeout_and_leaves_no_wrong_claim() {
    let server = RedisServer::start();
    let relay = Relay::to(&server.socket()).await;
    let (kept, other) = (Kept::hasty(&relay.store()), Kept::at(&server.store()));
    kept.until(StoreState::Up).await;
    assert_eq!(kept.claim("k", kept.asker(), "a").await, held_by("a"));
    relay.part();
    let ends = Instant::now() + Duration::from_secs(10);
    let mut number = 0;
    while Instant::now() < ends {
        kept.fails(&number.to_string()).await;
        number += 1;
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(kept.store.state(), StoreState::Down);
    // Meanwhile the others go on.
    assert_eq!(other.claim("k", other.asker(), "b").await, held_by("a"));
    assert_eq!(other.claim("new", other.asker(), "b").await, held_by("b"));
    relay.mend();
    kept.recovers().await;
    assert_eq!(kept.claim("new", kept.asker(), "a").await, held_by("b"));
}

#[tokio::test]
async fn a_connection_whose_other_end_is_lost_takes_a_fraction_of_a_second() {
    let server = RedisServer::start();
    let relay = Relay::to(&server.socket()).await;
    let kept = Kept::hasty(&relay.store());
    kept.until(StoreState::Up).await;
    kept.claims("k").await;
    // More than the kernel's buffers take, so that writing stops as well.
    relay.part();
    let calls = (0..2000).map(|_| kept.fails("k"));
    let began = Instant::now();
    futures_util::future::join_all(calls).await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    relay.mend();
    kept.recovers().await;
}

#[tokio::test]
async fn a_failover_that_loses_writes_is_used_at_once_and_has_forgotten() {
    let (first, second) = (RedisServer::start(), RedisServer::start());
    let relay = Relay::to(&first.socket()).await;
    let kept = Kept::at(&relay.store());
    kept.until(StoreState::Up).await;
    assert_eq!(kept.claim("k", kept.asker(), "a").await, held_by("a"));
    relay.lead_to(&second.socket());
    // This is the cost of such a failover: docs/operations/fleet.md says how to avoid it.
    assert_eq!(kept.claim("k", kept.asker(), "b").await, held_by("b"));
}

#[tokio::test]
async fn a_connection_that_breaks_anywhere_makes_no_wrong_claim() {
    let server = RedisServer::start();
    let relay = Relay::to(&server.socket()).await;
    for bytes in 0..220 {
        let kept = Kept::at(&relay.store());
        kept.until(StoreState::Up).await;
        let key = bytes.to_string();
        // The connection of this thread is made with the first call, or with this one after it was cut.
        relay.cut_next_after(bytes);
        let mut holder = None;
        for candidate in ["a", "b", "c"] {
            if let Ok(claimed) = kept.claim(&key, kept.asker(), candidate).await {
                assert_eq!(
                    holder.get_or_insert(claimed.clone()),
                    &claimed,
                    "cut at {bytes}"
                );
            }
        }
        assert!(holder.is_some(), "cut at {bytes}");
    }
}
