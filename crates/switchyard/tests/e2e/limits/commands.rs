//! What is asked at `/limits`, and what is answered.

use std::io::Read as _;

use serde_json::{Value, json};
use switchyard_faults::{self as client, Connection};

use super::{ask, books, in_force, put};
use crate::{rig::Proxy, substations::Substations};

#[test]
fn a_limit_below_the_load_refuses_new_charges_and_moves_nobody() {
    let substations = Substations::start(&[100.0]);
    let proxy = Proxy::start(&substations.addresses, "");
    let booked: Vec<_> = (0..3)
        .map(|_| {
            proxy
                .charge(r#"{"power_kw": 11, "energy_kwh": 1000}"#)
                .json()
        })
        .collect();
    let set = put(&proxy, "s1", r#"{"value": 20, "source": "dso"}"#);
    assert_eq!(
        set,
        json!({
            "name": "s1", "value": 20.0, "source": "dso", "from": null, "until": null, "fallback": null,
            "heartbeat": null, "heartbeat_age_seconds": null, "state": "in_force", "fallback_in_force": false,
            "in_force": 20.0,
        })
    );
    assert!(!books(&proxy));
    let refused = proxy.charge("");
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "no_capacity")
    );
    assert!(refused.header("retry-after").is_some());
    for session in booked {
        let id = session["session_id"].as_str().unwrap().to_owned();
        assert_eq!(
            client::get(proxy.charge, &format!("/sessions/{id}")).status,
            200
        );
    }
    assert_eq!(substations.loads(), [33.0]);
    let gone = ask(&proxy, "DELETE", "/limits/s1?source=dso", "");
    assert_eq!(
        (gone.status, gone.json()["value"].clone()),
        (200, json!(20.0))
    );
    assert_eq!(in_force(&proxy, "s1"), Value::Null);
    assert!(books(&proxy));
    assert_eq!(substations.started(), [4]);
}

#[test]
fn the_strictest_of_several_sources_wins_and_the_capacity_is_among_them() {
    let substations = Substations::start(&[5.0, 5.0]);
    let proxy = Proxy::start(&substations.addresses, "");
    put(&proxy, "s2", r#"{"value": 0, "source": "closed"}"#);
    put(&proxy, "s1", r#"{"value": 3, "source": "dso"}"#);
    put(&proxy, "s1", r#"{"value": 1, "source": "ems"}"#);
    put(&proxy, "s1", r#"{"value": 4000, "source": "far"}"#);
    let strictest =
        json!({"value": 1.0, "source": "ems", "until": null, "fallback_in_force": false});
    assert_eq!(in_force(&proxy, "s1"), strictest);
    assert!(books(&proxy));
    assert!(!books(&proxy));
    assert_eq!(
        ask(&proxy, "DELETE", "/limits/s1?source=ems", "").status,
        200
    );
    assert!(books(&proxy) && books(&proxy));
    assert!(!books(&proxy));
    put(&proxy, "s1", r#"{"value": 4, "source": "dso"}"#);
    assert!(books(&proxy));
    assert!(!books(&proxy));
    assert_eq!(
        ask(&proxy, "DELETE", "/limits/s1?source=dso", "").status,
        200
    );
    assert!(books(&proxy));
    assert!(
        !books(&proxy),
        "the capacity is 5, whatever a source allows"
    );
    assert_eq!(substations.started(), [5, 0]);
    let all = ask(&proxy, "GET", "/limits", "").json();
    let listed = all["limits"].as_array().unwrap().iter();
    let listed: Vec<_> = listed
        .map(|one| {
            (
                one["name"].as_str().unwrap(),
                one["source"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(listed, [("s1", "far"), ("s2", "closed")]);
    let gauge = |name: &str| {
        proxy.metric(&format!(
            "switchyard_substation_limit{{substation=\"{name}\"}}"
        ))
    };
    assert_eq!((gauge("s1"), gauge("s2")), (4000.0, 0.0));
}

#[test]
fn each_path_says_what_it_takes() {
    let substations = Substations::start(&[100.0]);
    let proxy = Proxy::start(&substations.addresses, "");
    let good = r#"{"value": 50, "source": "dso"}"#;
    for (method, path, body, expected) in [
        ("PUT", "/limits/s2", good, (404, "not_found")),
        ("GET", "/limits/s2", "", (404, "not_found")),
        ("DELETE", "/limits/s2?source=dso", "", (404, "not_found")),
        (
            "POST",
            "/limits/s2/heartbeat",
            r#"{"source": "dso"}"#,
            (404, "not_found"),
        ),
        ("PUT", "/limits/s1", "", (422, "invalid_limit")),
        ("PUT", "/limits/s1", "{}", (422, "invalid_limit")),
        (
            "PUT",
            "/limits/s1",
            r#"{"value": -1, "source": "dso"}"#,
            (422, "invalid_limit"),
        ),
        (
            "PUT",
            "/limits/s1",
            r#"{"value": 1, "source": "dso", "until": "2001-01-01T00:00:00Z"}"#,
            (422, "invalid_limit"),
        ),
        (
            "PUT",
            "/limits/s1",
            r#"{"value": 1, "source": "dso", "fallback": 1}"#,
            (422, "invalid_limit"),
        ),
        (
            "PUT",
            "/limits/s1",
            r#"{"value": 1, "source": "dso", "heartbeat": "1s"}"#,
            (422, "invalid_limit"),
        ),
        (
            "PUT",
            "/limits/s1?source=dso",
            good,
            (400, "invalid_request"),
        ),
        ("GET", "/limits?name=s1", "", (400, "invalid_request")),
        ("GET", "/limits/s1?all", "", (400, "invalid_request")),
        ("DELETE", "/limits/s1", "", (400, "invalid_request")),
        ("DELETE", "/limits/s1?source=ems", "", (404, "not_found")),
        (
            "DELETE",
            "/limits/s1?source=dso",
            good,
            (422, "invalid_limit"),
        ),
        ("POST", "/limits/s1/heartbeat", "", (422, "invalid_limit")),
        (
            "POST",
            "/limits/s1/heartbeat",
            r#"{"source": "ems"}"#,
            (404, "not_found"),
        ),
        ("POST", "/limits/s1", good, (405, "method_not_allowed")),
        ("PUT", "/limits", good, (405, "method_not_allowed")),
        (
            "GET",
            "/limits/s1/heartbeat",
            "",
            (405, "method_not_allowed"),
        ),
        ("GET", "/limits/", "", (404, "not_found")),
        ("PUT", "/limits/s1/", good, (404, "not_found")),
    ] {
        let answer = ask(&proxy, method, path, body);
        let code = answer.code();
        assert_eq!(
            (answer.status, code.as_str()),
            expected,
            "{method} {path} {body}"
        );
        assert!(answer.message().len() > 20, "{}", answer.message());
    }
    assert_eq!(
        ask(&proxy, "GET", "/limits", "").json(),
        json!({"limits": []})
    );
}

#[test]
fn a_wrong_method_is_told_the_right_ones_and_a_wrong_body_all_its_faults() {
    let substations = Substations::start(&[100.0]);
    let proxy = Proxy::start(&substations.addresses, "");
    for (path, methods) in [
        ("/limits", "GET, HEAD"),
        ("/limits/s1", "GET, HEAD, PUT, DELETE"),
        ("/limits/s1/heartbeat", "POST"),
    ] {
        let answer = ask(&proxy, "PATCH", path, "");
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some(methods)),
            "{path}"
        );
    }
    let several = r#"{"value": -1, "source": "", "from": "now"}"#;
    let message = ask(&proxy, "PUT", "/limits/s1", several).message();
    for part in ["value: -1", "source: has 0", "from: \"now\""] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn bodies_and_heads_of_every_kind_mean_the_same() {
    let substations = Substations::start(&[100.0]);
    let proxy = Proxy::start(&substations.addresses, "");
    let mut kept = Connection::open(proxy.admin);
    let body = r#"{"value": 50, "source": "dso", "fallback": 5, "heartbeat": "1h"}"#;
    let (first, rest) = body.split_at(20);
    let chunked = format!(
        "PUT /limits/s1 HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
        first.len(),
        rest.len()
    );
    kept.send(chunked);
    assert_eq!(kept.answer().json()["fallback"], 5.0);
    // On the same connection: what is refused leaves the next request whole.
    kept.send(client::request(
        "PUT",
        "/limits/s1",
        "",
        "{\"value\": \"much\"}",
    ));
    assert_eq!(kept.answer().status, 422);
    let mut asks_head = Connection::open(proxy.admin);
    asks_head.send(client::request(
        "HEAD",
        "/limits/s1",
        "connection: close\r\n",
        "",
    ));
    let mut head = String::new();
    asks_head.0.read_to_string(&mut head).unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    for (path, expected) in [
        ("/limits/%731", 200),
        ("/limits/s1", 200),
        ("/limits/S1", 404),
    ] {
        kept.send(client::request("PUT", path, "", body));
        assert_eq!(kept.answer().status, expected, "{path}");
    }
    kept.send(client::request(
        "POST",
        "/limits/%731/heartbeat",
        "",
        r#"{"source": "dso"}"#,
    ));
    assert_eq!(kept.answer().json()["in_force"], 50.0);
    // Nested deep, and longer than any body may be.
    let deep = format!("{{\"value\": {}", "[".repeat(10_000));
    kept.send(client::request("PUT", "/limits/s1", "", &deep));
    assert_eq!(kept.answer().status, 422);
    kept.send(client::request(
        "PUT",
        "/limits/s1",
        "",
        &"x".repeat(20_000),
    ));
    assert_eq!(kept.answer().status, 413);
    assert_eq!(in_force(&proxy, "s1")["value"], 50.0);
}

#[test]
fn a_page_of_another_site_sets_no_limit() {
    let substations = Substations::start(&[100.0]);
    let proxy = Proxy::start(&substations.addresses, "");
    put(&proxy, "s1", r#"{"value": 50, "source": "dso"}"#);
    for (method, path, body) in [
        ("PUT", "/limits/s1", r#"{"value": 5, "source": "dso"}"#),
        ("DELETE", "/limits/s1?source=dso", ""),
        ("POST", "/limits/s1/heartbeat", r#"{"source": "dso"}"#),
    ] {
        for (origin, expected) in [("http://evil.example", 403), ("http://localhost", 200)] {
            let headers = format!("origin: {origin}\r\nconnection: close\r\n");
            let answer = client::raw(proxy.admin, client::request(method, path, &headers, body));
            assert_eq!(answer.status, expected, "{method} from {origin}");
        }
        put(&proxy, "s1", r#"{"value": 50, "source": "dso"}"#);
    }
}

#[test]
fn who_has_done_what_is_logged_and_a_renewal_is_not() {
    let substations = Substations::start(&[100.0]);
    let proxy = Proxy::start(&substations.addresses, "");
    put(&proxy, "s1", r#"{"value": 50, "source": "dso"}"#);
    let line = proxy.logged("Limit set");
    for part in [
        "name=\"s1\"",
        "source=\"dso\"",
        "client=127.0.0.1",
        "before=none",
        "after=50",
        "in_force=50 by dso",
    ] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    put(&proxy, "s1", r#"{"value": 50, "source": "dso"}"#);
    put(
        &proxy,
        "s1",
        r#"{"value": 4, "source": "dso", "fallback": 8, "heartbeat": "1h"}"#,
    );
    let lines = proxy.logged_until("Fallback allows more than the limit");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].contains("before=50 after=4, else 8 after 1h of silence"),
        "{lines:?}"
    );
    ask(
        &proxy,
        "POST",
        "/limits/s1/heartbeat",
        r#"{"source": "dso"}"#,
    );
    ask(&proxy, "DELETE", "/limits/s1?source=dso", "");
    let lines = proxy.logged_until("Limit taken away");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("in_force=none"), "{lines:?}");
}

#[test]
fn a_feeders_limit_holds_for_all_that_hang_on_it_and_a_refusal_names_it() {
    let substations = Substations::start(&[1e6; 2]);
    let [one, two] = substations.addresses[..] else {
        unreachable!()
    };
    let yaml = format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\nthreads: 2\nfeeders: [{{name: trafo}}, {{name: feeder7, parent: trafo}}]\n\
         substations:\n  - {{name: s1, address: \"{one}\", feeder: feeder7}}\n  - {{name: s2, address: \"{two}\", feeder: trafo}}\n"
    );
    let proxy = Proxy::ready_from(&yaml);
    put(&proxy, "trafo", r#"{"value": 5, "source": "dso"}"#);
    put(&proxy, "feeder7", r#"{"value": 1, "source": "ems"}"#);
    for _ in 0..5 {
        assert!(books(&proxy));
    }
    let refused = proxy.charge(r#"{"power_kw": 1}"#);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "no_capacity")
    );
    assert_eq!(refused.json()["error"]["limit"], "trafo");
    let started = substations.started();
    assert!(
        started[0] <= 1 && started.iter().sum::<u64>() == 5,
        "{started:?}"
    );
    put(&proxy, "trafo", r#"{"value": 0, "source": "dso"}"#);
    assert!(!books(&proxy));
    assert_eq!(
        ask(&proxy, "DELETE", "/limits/trafo?source=dso", "").status,
        200
    );
    assert!(books(&proxy));
    let gauge = proxy.metric("switchyard_feeder_limit{feeder=\"feeder7\"}");
    assert_eq!(gauge, 1.0);
}
