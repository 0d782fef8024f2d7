//! What clients and operators are told of routes.

use switchyard_faults::{self as client, Answer, ClosedPort};

use super::{ask, ask_with, start, with_routes, working};
use crate::rig::{Proxy, until};

#[test]
fn a_path_without_the_method_says_which_it_takes_and_no_path_which_there_are() {
    let substation = working("0");
    let proxy = start(
        &[&substation],
        &[
            "path: /v1/, methods: [POST], buffer: true",
            "path: /v1/models, methods: [GET, HEAD], buffer: true",
            "path: /sessions/, methods: [PUT], buffer: true",
        ],
        "",
    );
    for (method, path, allow) in [
        ("GET", "/v1/chat", "POST"),
        ("DELETE", "/v1/models", "GET, HEAD, POST"),
        ("PATCH", "/sessions/a", "PUT, GET, HEAD, DELETE"),
        ("GET", "/request_charge", "POST"),
    ] {
        let answer = ask(&proxy, method, path, "");
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (405, "method_not_allowed")
        );
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
    }
    let nothing = ask(&proxy, "GET", "/v2/", "");
    assert_eq!(nothing.code(), "not_found");
    let named = "routes are at /sessions/, /v1/, /v1/models";
    assert!(nothing.message().contains(named), "{}", nothing.message());
    for path in ["/v1/../metrics", "/v1/%2e%2E/metrics", "/v1/..%2fmetrics"] {
        let answer = ask(&proxy, "POST", path, "");
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "invalid_request"),
            "{path}"
        );
    }
    assert_eq!(super::lines(&substation), [""; 0]);
}

/// A request of the route that finds no substation, with another one beside it.
fn unreachable(errors: &str) -> (Answer, Answer) {
    let gone = ClosedPort::new();
    let route = format!("path: /v1/, buffer: true, errors: {{{errors}}}");
    let text = with_routes(&[&route], "");
    let proxy = Proxy::start_unready(&[gone.address], &text);
    (ask(&proxy, "POST", "/v1/chat", ""), proxy.charge(""))
}

#[test]
fn errors_are_in_the_routes_words_and_shape() {
    let (routed, charge) = unreachable("noun: inference engine");
    assert_eq!(routed.code(), "no_substation", "codes stay");
    assert_eq!(
        routed.message(),
        "no inference engine can be reached now: s1 refuses connections (no other is left); nothing was done"
    );
    assert!(
        charge
            .message()
            .starts_with("no substation can be reached now")
    );
    assert!(charge.message().ends_with("nothing is booked"));

    let (routed, charge) = unreachable("noun: backend, shape: openai");
    let error = &routed.json()["error"];
    assert_eq!(routed.status, 503);
    assert!(routed.header("retry-after").is_some());
    assert!(routed.header("x-request-id").is_some());
    assert_eq!(error["type"], "server_error");
    assert_eq!(error["code"], "no_substation");
    assert!(error.get("param").is_some_and(serde_json::Value::is_null));
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("no backend can be reached"),
        "{message}"
    );
    assert_eq!(error.as_object().unwrap().len(), 4, "{error}");
    assert_eq!(charge.json()["error"].as_object().unwrap().len(), 3);
}

#[test]
fn errors_before_a_route_is_reached_are_in_its_words_too() {
    let substation = working("0");
    let clients = format!(
        "clients: [{{name: a, token_sha256: \"{}\"}}]\n",
        "0".repeat(64)
    );
    let route =
        "path: /v1/, methods: [POST], buffer: true, load: {field: n}, errors: {shape: openai}";
    let proxy = start(&[&substation], &[route], "");
    let kind = |answer: &Answer| answer.json()["error"]["type"].as_str().unwrap().to_owned();
    let wrong = ask(&proxy, "POST", "/v1/chat", "x");
    assert_eq!(
        (wrong.status, kind(&wrong)),
        (400, "invalid_request_error".to_owned())
    );
    let method = ask(&proxy, "GET", "/v1/chat", "");
    assert_eq!(
        (method.status, kind(&method)),
        (405, "invalid_request_error".to_owned())
    );
    let large = ask_with(&proxy, ("POST", "/v1/chat"), "", &"x".repeat(100_000));
    assert_eq!(
        (large.status, kind(&large)),
        (413, "invalid_request_error".to_owned())
    );
    let proxy = start(&[&substation], &[route], &clients);
    let unknown = ask(&proxy, "POST", "/v1/chat", "");
    assert_eq!(
        (unknown.status, kind(&unknown)),
        (401, "authentication_error".to_owned())
    );
    assert_eq!(unknown.header("www-authenticate"), Some("Bearer"));
}

#[test]
fn requests_of_routes_have_a_label_and_no_others_do() {
    let substation = working("0");
    let routes = [
        "path: /v1/, buffer: true",
        "path: /b, methods: [POST], buffer: true",
    ];
    let proxy = start(&[&substation], &routes, "");
    for path in ["/v1/a", "/v1/b?c"] {
        assert_eq!(ask(&proxy, "GET", path, "").status, 200);
    }
    assert_eq!(ask(&proxy, "GET", "/b", "").status, 405);
    assert_eq!(proxy.charge("").status, 200);
    for (series, count) in [
        (
            "requests_total{code=\"200\",result=\"booked\",route=\"/v1/\"}",
            2.0,
        ),
        ("requests_total{code=\"200\",result=\"booked\"}", 1.0),
        (
            "requests_total{code=\"405\",result=\"invalid\",route=\"/b\"}",
            1.0,
        ),
        (
            "requests_rejected_total{reason=\"method_not_allowed\",route=\"/b\"}",
            1.0,
        ),
        (
            "requests_rejected_total{reason=\"method_not_allowed\"}",
            0.0,
        ),
        (
            "request_duration_seconds_count{result=\"booked\",route=\"/v1/\"}",
            2.0,
        ),
        ("request_duration_seconds_count{result=\"booked\"}", 1.0),
    ] {
        let series = format!("switchyard_{series}");
        until(&series, || (proxy.metric(&series) == count).then_some(()));
    }
}

#[test]
fn a_reload_brings_and_takes_routes() {
    let substation = working("0");
    let proxy = start(&[&substation], &["path: /a, buffer: true"], "");
    let reload = |routes: &[&str]| {
        let text = crate::rig::yaml(&[substation.address], &with_routes(routes, ""));
        std::fs::write(proxy.files.path().join("switchyard.yaml"), text).unwrap();
        let reloaded = client::post(proxy.admin, "/reload", "");
        assert_eq!(
            reloaded.status,
            200,
            "{}",
            String::from_utf8_lossy(&reloaded.body)
        );
    };
    assert_eq!(ask(&proxy, "GET", "/a", "").status, 200);
    assert_eq!(ask(&proxy, "GET", "/b", "").status, 404);
    reload(&[
        "path: /b, buffer: true, upstream_path: /c",
        "path: /request_charge, lasts: session",
    ]);
    assert_eq!(ask(&proxy, "GET", "/a", "").status, 404);
    assert_eq!(ask(&proxy, "GET", "/b", "").status, 200);
    assert_eq!(proxy.charge("").status, 200);
    assert_eq!(
        super::lines(&substation),
        [
            "GET /a HTTP/1.1",
            "GET /c HTTP/1.1",
            "POST /request_charge HTTP/1.1"
        ]
    );
    reload(&["path: /d, buffer: true"]);
    assert_eq!(proxy.charge("").status, 200);
    assert_eq!(
        super::lines(&substation).pop().unwrap(),
        "POST /charge HTTP/1.1"
    );
}
