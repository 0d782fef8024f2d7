//! HTTP/1.1 with clients, and the requests that a substation gets.

use switchyard_faults::{
    self as client, Act, Connection, Scripted,
    fault::{answer, booked},
};

use crate::rig::Proxy;

#[test]
fn the_answer_is_the_substations_with_its_name_and_the_requests_id() {
    let body = r#"{"session_id":"s-1","power_kw":22,"unknown":[1,2]}"#;
    let substation = Scripted::charging(move || {
        let mut bytes = answer("200 OK", body);
        bytes.splice(
            17..17,
            b"x-more: yes\r\nconnection: keep-alive\r\n".iter().copied(),
        );
        Act::Write(bytes)
    });
    let proxy = Proxy::start(&[substation.address], "");
    for path in [
        "/request_charge",
        "/assign_substation",
        "/request_charge?x=1",
    ] {
        let answer = client::post(proxy.charge, path, r#"{"power_kw": 22}"#);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, body.as_bytes());
        assert_eq!(answer.header("x-substation"), Some("s1"));
        assert_eq!(
            answer.header("x-more"),
            Some("yes"),
            "end-to-end headers go through"
        );
        assert_eq!(
            answer.header("x-request-id").map(str::len),
            Some(32),
            "an id is made where none came"
        );
    }
}

#[test]
fn a_substations_other_statuses_pass_unchanged() {
    for status in [
        "201 Created",
        "400 Bad Request",
        "404 Not Found",
        "409 Conflict",
        "500 Oops",
    ] {
        let substation = Scripted::charging(move || Act::Write(answer(status, r#"{"mine":true}"#)));
        let proxy = Proxy::start(&[substation.address], "");
        let answer = proxy.charge("");
        assert_eq!(answer.status.to_string(), status[..3]);
        assert_eq!(answer.json()["mine"], true);
    }
}

#[test]
fn the_substation_gets_the_body_and_the_end_to_end_headers_and_nothing_else() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let proxy = Proxy::start(&[substation.address], "");
    let headers = "idempotency-key: k1\r\ntraceparent: 00-a-b-01\r\nx-request-id: r1\r\ncontent-type: application/json\r\n\
                   connection: x-secret, keep-alive\r\nconnection: x-two\r\nx-secret: 1\r\nx-two: 2\r\nkeep-alive: 5\r\nx-forwarded-for: 1.2.3.4\r\nte: trailers\r\n";
    let body = r#"{"power_kw": 7.4, "mine": "ü"}"#;
    let answer = client::raw(
        proxy.charge,
        client::request("POST", "/request_charge?a=b&c", headers, body),
    );
    assert_eq!(answer.status, 200);
    let charge = substation.charges().remove(0);
    let (head, sent) = charge.split_once("\r\n\r\n").unwrap();
    assert_eq!(sent, body);
    let mut lines: Vec<_> = head.split("\r\n").map(str::to_lowercase).collect();
    assert_eq!(lines.remove(0), "post /charge?a=b&c http/1.1");
    lines.sort();
    assert_eq!(
        lines,
        [
            format!("content-length: {}", body.len()),
            "content-type: application/json".into(),
            format!("host: {}", substation.address),
            "idempotency-key: k1".into(),
            "traceparent: 00-a-b-01".into(),
            "via: 1.1 switchyard".into(),
            "x-forwarded-for: 127.0.0.1".into(),
            "x-forwarded-proto: http".into(),
            "x-request-id: r1".into(),
        ]
    );
}

#[test]
fn a_charge_is_the_same_on_the_fast_path_and_beside_it() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let proxy = Proxy::start(&[substation.address], "");
    let headers = "X-Request-Id: r1\r\nTraceparent: 00-a-b-01\r\nConnection: Keep-Alive\r\nKeep-Alive: 5\r\nTE: trailers\r\n\
                   Forwarded: for=1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\nCookie: a=b\r\nCookie: c=d\r\nX-Mine: \u{fc}\r\n";
    let request = client::request("POST", "/request_charge", headers, "{}");
    let mut connection = Connection::open(proxy.charge);
    // With an empty line before it, a request does not take the fast path.
    let answers = ["\r\n", ""].map(|before| {
        connection.send(format!("{before}{request}"));
        let mut answer = connection.answer();
        answer
            .headers
            .iter_mut()
            .for_each(|(name, _)| name.make_ascii_lowercase());
        answer.headers.retain(|(name, _)| name != "date");
        answer.headers.sort();
        answer
    });
    assert_eq!(answers[0].headers, answers[1].headers);
    assert_eq!(answers[0].body, answers[1].body);
    let charges = substation.charges().into_iter().map(|charge| {
        let mut lines: Vec<_> = charge.split("\r\n").map(str::to_lowercase).collect();
        lines.sort();
        lines
    });
    let charges: Vec<_> = charges.collect();
    assert_eq!(charges[0], charges[1]);
    let went_on = |name: &str| charges[0].iter().any(|line| line.starts_with(name));
    assert!(went_on("cookie: a=b") && went_on("cookie: c=d") && went_on("x-mine: "));
    for name in [
        "te:",
        "keep-alive:",
        "connection:",
        "forwarded:",
        "x-forwarded-for: 1.2.3.4",
    ] {
        assert!(!went_on(name), "{name}");
    }
}

#[test]
fn requests_follow_each_other_on_a_connection_also_pipelined() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let proxy = Proxy::start(&[substation.address], "");
    let mut connection = Connection::open(proxy.charge);
    let request = |id: u32| {
        client::request(
            "POST",
            "/request_charge",
            &format!("x-request-id: r{id}\r\n"),
            "{}",
        )
    };
    for id in 0..5 {
        connection.send(request(id));
        assert_eq!(
            connection.answer().header("x-request-id"),
            Some(&*format!("r{id}"))
        );
    }
    let many: String = (5..25).map(request).collect();
    connection.send(many);
    for id in 5..25 {
        assert_eq!(
            connection.answer().header("x-request-id"),
            Some(&*format!("r{id}"))
        );
    }
    assert_eq!(substation.charges().len(), 25);
}

#[test]
fn a_request_cut_anywhere_is_the_same_request() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let proxy = Proxy::start(&[substation.address], "");
    let plain = client::request("POST", "/request_charge", "", r#"{"power_kw": 3.7}"#);
    let chunked = "POST /request_charge HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
                   5;x=y\r\n{\"pow\r\nc\r\ner_kw\": 3.7}\r\n0\r\nt: 1\r\n\r\n";
    let mut connection = Connection::open(proxy.charge);
    let mut sent = 0;
    for whole in [plain.as_str(), chunked] {
        for at in (1..whole.len()).step_by(3) {
            connection.send(&whole[..at]);
            connection.send(&whole[at..]);
            assert_eq!(connection.answer().status, 200, "cut at {at}");
            sent += 1;
        }
    }
    let charges = substation.charges();
    assert_eq!(charges.len(), sent);
    assert!(
        charges
            .iter()
            .all(|charge| charge.contains("3.7") && charge.ends_with('}'))
    );
}

#[test]
fn a_client_that_expects_100_continue_gets_it() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let proxy = Proxy::start(&[substation.address], "");
    let mut connection = Connection::open(proxy.charge);
    connection.send("POST /request_charge HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
    assert_eq!(connection.any_answer().unwrap().status, 100);
    connection.send("{}");
    assert_eq!(connection.answer().status, 200);
}

#[test]
fn http_1_0_and_connection_close_end_the_connection() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let proxy = Proxy::start(&[substation.address], "");
    for request in [
        "POST /request_charge HTTP/1.0\r\n\r\n".to_owned(),
        client::request("POST", "/request_charge", "connection: close\r\n", ""),
    ] {
        let mut connection = Connection::open(proxy.charge);
        connection.send(request);
        assert_eq!(connection.answer().status, 200);
        assert!(connection.is_ended());
    }
}
