//! Who may ask: each way in, and each refusal.

use switchyard_faults::{self as client, Act, Connection, Scripted, fault::booked};

use super::{CHARGE, DEPOT, ask, ask_with, charge, two};
use crate::{
    h2::{Client, runtime},
    rig::Proxy,
    substations::Substations,
};

#[test]
fn only_clients_book_and_each_is_counted_by_its_name() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, &two("", ""));
    for _ in 0..3 {
        assert_eq!(charge(proxy.charge, "depot").status, 200);
    }
    assert_eq!(charge(proxy.charge, "fleet").status, 200);
    for name in ["", "nobody"] {
        let refused = charge(proxy.charge, name);
        let seen = (refused.status, refused.code());
        assert_eq!(seen, (401, "unauthorized".to_owned()), "{name}");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        let id = refused.header("x-request-id").unwrap();
        assert_eq!(refused.json()["error"]["request_id"], id);
        assert!(!refused.message().contains("token-of"), "{refused:?}");
    }
    assert_eq!(substations.started(), [4]);
    let requests = |name| {
        proxy.metric(&format!(
            "switchyard_client_requests_total{{client=\"{name}\"}}"
        ))
    };
    assert_eq!([requests("depot"), requests("fleet")], [3.0, 1.0]);
    let rejected = "switchyard_requests_rejected_total{reason=\"unauthorized\"}";
    assert_eq!(proxy.metric(rejected), 2.0);
    let page = proxy.get("/metrics").body;
    for page in [
        page,
        proxy.get("/status").body,
        proxy.get("/decisions").body,
    ] {
        let page = String::from_utf8(page).unwrap();
        assert!(
            !page.contains("token-of") && !page.contains(DEPOT),
            "{page}"
        );
    }
}

#[test]
fn without_clients_everybody_may_ask_and_what_is_said_goes_on() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let proxy = Proxy::start(&[substation.address], "");
    assert_eq!(charge(proxy.charge, "").status, 200);
    assert_eq!(charge(proxy.charge, "depot").status, 200);
    let sent = substation.charges().remove(1);
    assert!(
        sent.contains("authorization: Bearer token-of-depot"),
        "{sent}"
    );
    let page = String::from_utf8(proxy.get("/metrics").body).unwrap();
    assert!(!page.contains("switchyard_client_"), "no series of clients");
}

#[test]
fn no_substation_gets_a_token() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let proxy = Proxy::start(&[substation.address], &two("", ""));
    let header = "x-more: yes\r\n";
    let path = "/request_charge?a=b";
    for what in [("POST", "/request_charge", CHARGE), ("POST", path, CHARGE)] {
        assert_eq!(ask_with(proxy.charge, "depot", header, what).status, 200);
    }
    assert_eq!(
        ask(proxy.charge, "depot", ("GET", "/sessions/s1-00", "")).status,
        200
    );
    let all = [substation.charges(), substation.requests("GET /sessions")].concat();
    assert_eq!(all.len(), 3);
    for sent in all {
        let sent = sent.to_lowercase();
        assert!(
            !sent.contains("authorization") && !sent.contains("token-of"),
            "{sent}"
        );
        assert!(
            !sent.starts_with("post") || sent.contains("x-more: yes"),
            "{sent}"
        );
    }
}

#[test]
fn who_asks_comes_before_what_is_asked_for_and_after_what_is_no_http() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, &two("", ""));
    for (method, path, as_stranger, as_client) in [
        ("GET", "/nowhere", 401, 404),
        ("GET", "/request_charge", 401, 405),
        ("GET", "/sessions/s1-00", 401, 404),
        ("DELETE", "/sessions/s1-00", 401, 404),
        ("GET", "/sessions/a/b", 401, 400),
        ("CONNECT", "/request_charge", 501, 501),
    ] {
        for (name, status) in [
            ("", as_stranger),
            ("nobody", as_stranger),
            ("depot", as_client),
        ] {
            let answer = ask(proxy.charge, name, (method, path, ""));
            assert_eq!(answer.status, status, "{method} {path} {name:?}");
        }
    }
    let twice = "authorization: Bearer token-of-depot\r\n";
    let refused = ask_with(
        proxy.charge,
        "depot",
        twice,
        ("POST", "/request_charge", CHARGE),
    );
    assert_eq!(refused.status, 401, "two tokens are none");
    let malformed = client::raw(proxy.charge, "POST /request_charge HTTP/1.1\r\n\r\n");
    assert_eq!(malformed.status, 400);
}

#[test]
fn a_stranger_uploads_nothing_and_a_connection_goes_on_where_it_can() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, &two("", ""));
    let mut connection = Connection::open(proxy.charge);
    // Whole requests: by the fast path, and by the other.
    for path in ["/request_charge", "/request_charge?x"] {
        connection.send(client::request("POST", path, "", CHARGE));
        assert_eq!(connection.answer().status, 401);
    }
    let token = "authorization: Bearer token-of-depot\r\n";
    connection.send(client::request("POST", "/request_charge", token, CHARGE));
    assert_eq!(connection.answer().status, 200, "the same connection");
    // One that waits for a word before it sends its body, and one that has not sent all of it.
    for head in [
        "content-length: 16\r\nexpect: 100-continue\r\n",
        "content-length: 1000000\r\n",
    ] {
        let mut connection = Connection::open(proxy.charge);
        connection.send(format!(
            "POST /request_charge HTTP/1.1\r\nhost: a\r\n{head}\r\n"
        ));
        let answer = connection.answer();
        assert_eq!(answer.status, 401, "before the body");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(connection.is_ended());
    }
    assert_eq!(substations.started(), [1]);
}

#[test]
fn over_http2_each_request_says_who_asks() {
    let substations = Substations::start(&[1e6]);
    let extra = format!("{}\nhttp2: {{cleartext: true}}", two("", ""));
    let proxy = Proxy::start(&substations.addresses, &extra);
    runtime().block_on(async {
        let client = Client::cleartext(proxy.charge).await;
        for (token, status) in [
            (Some("Bearer token-of-depot"), 200),
            (None, 401),
            (Some("Bearer token-of-nobody"), 401),
            (Some("Bearer token-of-fleet"), 200),
        ] {
            let headers: Vec<_> = token
                .into_iter()
                .map(|token| ("authorization", token))
                .collect();
            let answer = client
                .ask_with(("/request_charge", &headers), (CHARGE, true))
                .await;
            assert_eq!(answer.status, status, "{token:?}");
            if status == 401 {
                assert_eq!(answer.headers["www-authenticate"], "Bearer");
            }
        }
        // Nobody waits for the body.
        let answer = client.ask_with(("/request_charge", &[]), ("", false)).await;
        assert_eq!(answer.status, 401);
    });
    assert_eq!(substations.started(), [2]);
}
