//! Repeated requests, and a restart after a crash.

use crate::support::{Answer, Running, get, request};
use substation::Config;

async fn keyed(running: &Running, key: &str, body: &str) -> Answer {
    let head = format!("host: s\r\nidempotency-key: {key}\r\nx-request-id: r-{key}\r\n");
    let length = body.len();
    running
        .ask(&format!(
            "POST /charge HTTP/1.1\r\n{head}content-length: {length}\r\n\r\n{body}"
        ))
        .await
}

#[tokio::test]
async fn a_repeated_key_is_answered_with_the_same_session_and_books_nothing() {
    let running = Running::of(22.0).await;
    let first = keyed(&running, "k1", "{}").await;
    assert_eq!(
        (first.status, first.header("idempotent-replayed")),
        (200, None)
    );
    let again = keyed(&running, "k1", "{}").await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.json()["session_id"], first.json()["session_id"]);
    assert_eq!(running.substation.current_load_kw(), 11.0);
    let other = keyed(&running, "k2", "{}").await;
    assert_ne!(other.json()["session_id"], first.json()["session_id"]);
    let misused = keyed(&running, "k1", r#"{"power_kw": 5}"#).await;
    assert_eq!(
        (misused.status, misused.code().as_str()),
        (422, "key_reused")
    );
    for key in ["", "k1\r\nidempotency-key: k2", &"x".repeat(256), "\u{e9}"] {
        assert_eq!(keyed(&running, key, "{}").await.status, 400, "{key:?}");
    }
    assert_eq!(running.substation.sessions_started(), 2);
    let repeated = r#"substation_charge_requests_total{result="repeated"}"#;
    assert_eq!(running.metric(repeated).await, 1.0);
}

#[tokio::test]
async fn a_refusal_for_want_of_room_says_when_to_come_again() {
    let running = Running::of(11.0).await;
    let body = r#"{"power_kw": 11, "energy_kwh": 5.5}"#;
    assert_eq!(running.charge(body).await.status, 200);
    let after = running
        .charge(body)
        .await
        .header("retry-after")
        .map(str::to_owned);
    let after: u64 = after.unwrap().parse().unwrap();
    assert!((1790..=1800).contains(&after), "{after}");
    assert_eq!(
        running
            .charge(r#"{"power_kw": 12}"#)
            .await
            .header("retry-after"),
        None
    );
}

#[tokio::test]
async fn a_journal_restores_sessions_and_keys() {
    let files = std::env::temp_dir().join(format!("journal-{}", std::process::id()));
    let config = || Config {
        journal: Some(files.clone()),
        ..Config::new("s", 100.0)
    };
    let running = Running::start(config()).await;
    let kept = keyed(&running, "k1", "{}").await.json();
    let unplugged = keyed(&running, "k2", "{}").await.json();
    let path = format!("/sessions/{}", unplugged["session_id"].as_str().unwrap());
    assert_eq!(running.ask(&request("DELETE", &path)).await.status, 200);
    running.charge(r#"{"energy_kwh": 0.000001}"#).await;
    // As a crash in the middle of a line leaves it.
    let mut text = std::fs::read_to_string(&files).unwrap();
    text.push_str("{\"booked\":{\"sess");
    std::fs::write(&files, text).unwrap();
    drop(running);

    let back = Running::start(config()).await;
    assert_eq!(back.substation.current_load_kw(), 11.0);
    let again = keyed(&back, "k1", "{}").await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.json()["session_id"], kept["session_id"]);
    let path = format!("/sessions/{}", kept["session_id"].as_str().unwrap());
    assert_eq!(back.ask(&get(&path)).await.json()["state"], "charging");
    assert_eq!(
        keyed(&back, "k2", "{}").await.json()["session_id"],
        unplugged["session_id"]
    );
    assert_eq!(keyed(&back, "k3", "{}").await.status, 200);
    assert_eq!(
        std::fs::read_to_string(&files)
            .unwrap()
            .matches("k3")
            .count(),
        2
    );
    std::fs::remove_file(files).unwrap();
}
