//! What a command may say, and what becomes of it on a proxy without a store.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use switchyard_faults as client;

use super::{drained, order};
use crate::{rig::Proxy, substations::Substations};

#[test]
fn a_command_says_why_and_the_status_shows_who_and_when() {
    let substations = Substations::start(&[1e6; 2]);
    let proxy = Proxy::start(&substations.addresses, "");
    assert_eq!(drained(&proxy, "s1"), Value::Null);
    assert_eq!(proxy.status()["fleet"], Value::Null);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let answer = order(&proxy, "s1/drain", r#"{"reason": "new transformer"}"#);
    assert_eq!(answer.status, 200);
    let drain = drained(&proxy, "s1");
    assert_eq!(answer.json()["drain"], drain);
    let at = drain["at"].as_u64().unwrap();
    assert!(at.abs_diff(now.as_secs()) <= 2, "{drain}");
    // Without a store it is this proxy's alone, whether the command says so or not.
    let expected = json!({
        "by": "operator at 127.0.0.1",
        "at": at,
        "reason": "new transformer",
        "local": true,
    });
    assert_eq!(drain, expected);
    let line = proxy.logged("Substation is draining: it gets no new sessions");
    for word in [
        "substation=\"s1\"",
        "operator at 127.0.0.1",
        "new transformer",
    ] {
        assert!(line.contains(word), "{word}: {line}");
    }
    for again in ["", r#"{"reason": "new transformer"}"#] {
        assert_eq!(order(&proxy, "s1/drain", again).json()["drain"], drain);
    }
    let other = order(&proxy, "s1/drain?local=true", r#"{"reason": "new roof"}"#);
    assert_eq!(other.json()["drain"]["reason"], "new roof");
    proxy.logged("Drain ordered: the substation drains already");
    assert_eq!(proxy.metric("switchyard_drains{source=\"local\"}"), 1.0);
    for _ in 0..10 {
        assert_eq!(proxy.charge("").header("x-substation"), Some("s2"));
    }
    for _ in 0..2 {
        let answer = order(&proxy, "s1/undrain", "");
        assert_eq!(
            (answer.status, &answer.json()["drain"]),
            (200, &Value::Null)
        );
    }
    let line = proxy.logged("Substation is no longer draining");
    assert!(line.contains("operator at 127.0.0.1"), "{line}");
    assert_eq!(proxy.metric("switchyard_drains{source=\"local\"}"), 0.0);
}

#[test]
fn a_command_that_says_anything_else_is_refused_and_changes_nothing() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, "");
    let long = format!(r#"{{"reason": "{}"}}"#, "a".repeat(201));
    for (path, body, rule) in [
        ("s1/drain?local=yes", "", "unknown query"),
        ("s1/drain?Local=true", "", "unknown query"),
        ("s1/undrain?reason=x", "", "unknown query"),
        ("s1/drain", "new roof", "is not JSON"),
        ("s1/drain", "[]", "it is no object"),
        ("s1/drain", r#"{"reason": 1}"#, "is not JSON"),
        ("s1/drain", r#"{"why": "new roof"}"#, "unknown field `why`"),
        ("s1/drain", r#"{"reason": ""}"#, "1 to 200"),
        ("s1/drain", &long, "has 201 characters"),
        ("s1/drain", r#"{"reason": "a\nb"}"#, "control characters"),
        ("s1/undrain", r#"{"reason": "done"}"#, "takes no body"),
    ] {
        let answer = order(&proxy, path, body);
        let seen = (answer.status, answer.code());
        assert_eq!(seen, (400, "invalid_request".to_owned()), "{path} {body}");
        let message = answer.json()["error"]["message"].to_string();
        assert!(message.contains(rule), "{path} {body}: {message}");
        assert_eq!(drained(&proxy, "s1"), Value::Null, "{path} {body}");
    }
    let large = format!(r#"{{"reason": "{}"}}"#, "a".repeat(20_000));
    assert_eq!(order(&proxy, "s1/drain", &large).status, 413);
    // Chunks are as good as a length.
    let chunked = "POST /substations/s1/drain HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: \
        chunked\r\n\r\na\r\n{\"reason\":\r\n7\r\n \"roof\"\r\n1\r\n}\r\n0\r\n\r\n";
    let answer = client::raw(proxy.admin, chunked);
    assert_eq!(answer.json()["drain"]["reason"], "roof");
    for (method, word) in [("GET", "drain"), ("GET", "undrain"), ("PUT", "drain")] {
        let path = format!("/substations/s1/{word}?local=true");
        let asked = client::request(method, &path, "connection: close\r\n", "");
        let answer = client::raw(proxy.admin, asked);
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    }
    for path in [
        "unknown/drain",
        "unknown/undrain",
        "unknown/drain?local=true",
    ] {
        assert_eq!(order(&proxy, path, "").code(), "not_found", "{path}");
    }
}

#[test]
fn while_all_are_drained_clients_are_told_to_come_back_and_the_proxy_stays_ready() {
    let substations = Substations::start(&[1e6; 2]);
    let proxy = Proxy::start(
        &substations.addresses,
        "admission: {queue: 10, timeout: 100ms}",
    );
    for name in ["s1", "s2"] {
        assert_eq!(order(&proxy, &format!("{name}/drain"), "").status, 200);
    }
    let answer = proxy.charge("");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "no_substation")
    );
    let after: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3).contains(&after), "{after}");
    assert_eq!(proxy.get("/ready").status, 200);
    let status = proxy.status();
    assert_eq!(
        status["panic"], false,
        "drained ones are no reason to panic"
    );
    assert_eq!(order(&proxy, "s2/undrain", "").status, 200);
    assert_eq!(proxy.charge("").header("x-substation"), Some("s2"));
}
