//! What metrics, `/status` and the log say of the store.

use prometheus::{Encoder, TextEncoder};
use switchyard_faults::RedisServer;
use switchyard_fleet::{ErrorKind, StoreState};

use crate::support::{Kept, held_by};

/// The value of a series on the metrics page.
fn series(kept: &Kept, name: &str) -> f64 {
    let mut page = Vec::new();
    TextEncoder::new()
        .encode(&kept.registry.gather(), &mut page)
        .unwrap();
    let page = String::from_utf8(page).unwrap();
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {page}"))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn metrics_say_whether_the_store_is_up_and_how_calls_end() {
    let mut server = RedisServer::start();
    let kept = Kept::hasty(&server.store());
    assert_eq!(series(&kept, "store_up") as u8, 0);
    kept.until(StoreState::Up).await;
    assert_eq!(series(&kept, "store_up") as u8, 1);
    // Checks don't count as calls: those of a request do.
    assert_eq!(series(&kept, "store_seconds_count") as u8, 0);
    let asker = kept.asker();
    assert_eq!(kept.claim("k", asker, "a").await, held_by("a"));
    kept.release("k", asker).await.unwrap();
    assert_eq!(series(&kept, "store_seconds_count") as u8, 2);
    assert_eq!(
        series(&kept, "store_errors_total{kind=\"unreachable\"}") as u8,
        0
    );
    server.kill();
    kept.until(StoreState::Down).await;
    assert_eq!(series(&kept, "store_up") as u8, 0);
    kept.until_fails_by(ErrorKind::Unreachable).await;
    assert!(series(&kept, "store_errors_total{kind=\"unreachable\"}") >= 1.0);
    let state: &str = kept.store.state().into();
    assert_eq!(state, "down");
}

#[tokio::test]
async fn a_store_that_can_not_be_written_to_is_down_before_a_request_needs_it() {
    let server = RedisServer::start();
    let kept = Kept::at(&server.store());
    kept.until(StoreState::Up).await;
    server.ask(["config", "set", "maxmemory", "1"]);
    kept.until(StoreState::Down).await;
    server.ask(["config", "set", "maxmemory", "0"]);
    kept.until(StoreState::Up).await;
}
