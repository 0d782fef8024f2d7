//! Every answer of the wire, from raw bytes to raw bytes.

use std::time::Duration;

use crate::support::{Running, get, post, request, until};
use substation::{Config, ReportFormat};
use tokio::time::Instant;

#[tokio::test]
async fn a_booking_says_where_how_much_how_long_and_the_load_with_it() {
    let running = Running::of(100.0).await;
    let first = running
        .charge(r#"{"vehicle_id":"EV-1","power_kw":22,"energy_kwh":11,"x":1}"#)
        .await;
    assert_eq!(first.status, 200);
    let first = first.json();
    assert_eq!(first["substation"], "substation1");
    assert_eq!(first["power_kw"], 22.0);
    assert_eq!(first["energy_kwh"], 11.0);
    assert_eq!(first["duration_seconds"], 1800.0);
    assert_eq!(first["current_load"], 22.0);
    let fields: Vec<_> = first.as_object().unwrap().keys().collect();
    let expected = [
        "current_load",
        "duration_seconds",
        "energy_kwh",
        "power_kw",
        "session_id",
        "substation",
    ];
    assert_eq!(fields, expected);
    let id = first["session_id"].as_str().unwrap();
    assert!(
        id.starts_with("substation1-") && id.len() == "substation1-".len() + 16,
        "{id}"
    );

    let second = running.charge("").await.json();
    assert_eq!(second["power_kw"], 11.0);
    assert_eq!(second["energy_kwh"], 11.0);
    assert_eq!(second["current_load"], 33.0);
    assert_ne!(second["session_id"], first["session_id"]);
}

#[tokio::test]
async fn the_defaults_and_the_time_scale_are_the_configured_ones() {
    let config = Config {
        time_scale: 60.0,
        default_power_kw: 7.4,
        default_energy_kwh: 3.7,
        ..Config::new("s", 100.0)
    };
    let booked = Running::start(config).await.charge("{}").await.json();
    assert_eq!(booked["power_kw"], 7.4);
    assert_eq!(booked["energy_kwh"], 3.7);
    assert_eq!(booked["duration_seconds"], 30.0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_substation_delays_charges_and_answers_all_else_at_once() {
    let answer_after = Duration::from_secs(3);
    let config = Config {
        answer_after,
        ..Config::new("s", 100.0)
    };
    let running = Running::start(config).await;
    let mut client = running.client().await;
    client.send(post("").as_bytes()).await;
    let began = Instant::now();
    assert_eq!(running.metric("substation_current_load").await, 0.0);
    assert!(began.elapsed() < answer_after);
    let booked = client.answer().await.json();
    assert!(began.elapsed() >= answer_after);
    assert_eq!(booked["current_load"], 11.0);
}

#[tokio::test]
async fn a_load_report_is_on_every_answer_to_a_charge_and_on_no_other() {
    let text =
        "TEXT named_metrics.substation_current_load=22.5, named_metrics.substation_capacity=30";
    let json =
        r#"JSON {"named_metrics": {"substation_current_load": 22.5, "substation_capacity": 30}}"#;
    for (format, report) in [
        (None, None),
        (Some(ReportFormat::Text), Some(text)),
        (Some(ReportFormat::Json), Some(json)),
    ] {
        let config = Config {
            report_load: format,
            ..Config::new("s", 30.0)
        };
        let running = Running::start(config).await;
        let booked = running.charge(r#"{"power_kw":22.5}"#).await;
        let refused = running.charge(r#"{"power_kw":22.5}"#).await;
        assert_eq!((booked.status, refused.status), (200, 503));
        for answer in [booked, refused] {
            // The client here reads heads in lower case.
            let report = report.map(str::to_lowercase);
            assert_eq!(answer.header("endpoint-load-metrics"), report.as_deref());
        }
        let page = running.ask(&get("/metrics")).await;
        assert_eq!(page.header("endpoint-load-metrics"), None);
    }
}

#[tokio::test]
async fn a_charge_without_room_is_503_and_leaves_the_load_as_it_was() {
    let running = Running::of(30.0).await;
    assert_eq!(running.charge(r#"{"power_kw":22}"#).await.status, 200);
    let refused = running.charge(r#"{"power_kw":11}"#).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "no_capacity")
    );
    let message = refused.json()["error"]["message"].to_string();
    for part in ["11 kW", "22 kW", "30 kW", "not booked"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert_eq!(running.substation.current_load_kw(), 22.0);
    assert_eq!(
        running.charge(r#"{"power_kw":8}"#).await.json()["current_load"],
        30.0
    );
    assert_eq!(
        running
            .metric(r#"substation_charge_requests_total{result="no_capacity"}"#)
            .await,
        1.0
    );
}

#[tokio::test]
async fn a_draining_substation_books_nothing_and_says_so() {
    let running = Running::of(100.0).await;
    assert_eq!(running.ask(&get("/ready")).await.status, 200);
    running.substation.drain();
    let refused = running.charge("").await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "draining"));
    let ready = running.ask(&get("/ready")).await;
    assert_eq!((ready.status, ready.code().as_str()), (503, "draining"));
    assert_eq!(running.ask(&get("/live")).await.status, 200);
    assert_eq!(running.substation.sessions_started(), 0);
    assert_eq!(
        running
            .metric(r#"substation_charge_requests_total{result="draining"}"#)
            .await,
        1.0
    );
}

#[tokio::test]
async fn a_bad_request_is_400_and_books_nothing() {
    let running = Running::of(1e6).await;
    let bad = [
        "null",
        "[]",
        "[\"v\",1,1]",
        "7",
        " ",
        "{",
        "{\"power_kw\":0}",
        "{\"power_kw\":-1}",
        "{\"power_kw\":NaN}",
        "{\"power_kw\":1e999}",
        "{\"power_kw\":1e12}",
        "{\"power_kw\":\"11\"}",
        "{\"power_kw\":null}",
        "{\"energy_kwh\":0}",
        "{\"energy_kwh\":-Infinity}",
        "{\"vehicle_id\":5}",
    ];
    for body in bad {
        let answer = running.charge(body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "invalid_request"),
            "{body}"
        );
    }
    let mut client = running.client().await;
    client
        .send(b"POST /charge HTTP/1.1\r\nhost: s\r\ncontent-length: 3\r\n\r\n\xff\xfe{")
        .await;
    assert_eq!(client.answer().await.code(), "invalid_request");
    assert_eq!(running.substation.sessions_started(), 0);
    let invalid = running
        .metric(r#"substation_charge_requests_total{result="invalid"}"#)
        .await;
    assert_eq!(invalid, f64::from(u32::try_from(bad.len()).unwrap() + 1));
}

#[tokio::test]
async fn malformed_http_books_nothing_and_closes_the_connection() {
    let running = Running::of(100.0).await;
    let bad: [&[u8]; 5] = [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"POST /charge\r\n\r\n",
        b"POST /charge HTTP/1.1\r\nhost: s\r\ncontent-length: x\r\n\r\n",
        b"POST /charge HTTP/1.1\r\nhost: s\r\ncontent-length: 0\r\ncontent-length: 2\r\n\r\n{}",
        b"POST /charge HTTP/1.1\r\nhost: s\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    ];
    for bytes in bad {
        let mut client = running.client().await;
        client.send(bytes).await;
        let rest = String::from_utf8(client.rest().await).unwrap();
        // hyper drops the answer to a body that breaks off in its chunks.
        let is_chunked = bytes.ends_with(b"0\r\n\r\n");
        let is_answer = rest.starts_with("HTTP/1.1 400") && rest.contains("invalid_request");
        assert!(is_answer || is_chunked && rest.is_empty(), "{rest}");
    }
    assert_eq!(running.substation.sessions_started(), 0);
    assert_eq!(running.charge("").await.status, 200);
    // The last one had a whole head, so it was a charge request, and is counted as one.
    assert_eq!(
        running
            .metric(r#"substation_charge_requests_total{result="invalid"}"#)
            .await,
        1.0
    );
}

#[tokio::test]
async fn too_many_or_too_large_headers_are_431_and_book_nothing() {
    let running = Running::of(100.0).await;
    let with = |headers: &str| {
        format!("POST /charge HTTP/1.1\r\nhost: s\r\n{headers}content-length: 2\r\n\r\n{{}}")
    };
    // What a proxy passes on, and its own, fit; a few more are answered on a connection that goes on.
    let mut client = running.client().await;
    let answer = client.ask(&with(&"x: y\r\n".repeat(70))).await;
    assert_eq!(answer.status, 200);
    let answer = client.ask(&with(&"x: y\r\n".repeat(120))).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (431, "head_too_large")
    );
    assert_eq!(client.ask(&post("")).await.status, 200);
    // More than that, and what does not end, ends the connection, and not without an answer.
    let large = format!("x: {}\r\n", "y".repeat(90_000));
    for headers in ["x: y\r\n".repeat(300), large] {
        let mut client = running.client().await;
        client.send(with(&headers).as_bytes()).await;
        let rest = String::from_utf8(client.rest().await).unwrap();
        assert!(rest.starts_with("HTTP/1.1 431"), "{rest}");
        assert!(rest.contains(r#""code":"head_too_large""#), "{rest}");
    }
    assert_eq!(running.substation.sessions_started(), 2);
}

#[tokio::test]
async fn a_body_up_to_64_kib_is_read_and_a_larger_one_is_413() {
    let running = Running::of(1000.0).await;
    let padded = |size: usize| format!("{{\"pad\":\"{}\"}}", "x".repeat(size - 10));
    assert_eq!(padded(64 * 1024).len(), 64 * 1024);
    assert_eq!(running.charge(&padded(64 * 1024)).await.status, 200);
    for size in [64 * 1024 + 1, 300 * 1024] {
        let answer = running.charge(&padded(size)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "body_too_large")
        );
    }
    assert_eq!(running.substation.sessions_started(), 1);
}

#[tokio::test]
async fn a_body_in_chunks_and_pieces_is_one_body() {
    let running = Running::of(100.0).await;
    let mut client = running.client().await;
    client
        .send(b"POST /charge HTTP/1.1\r\nhost: s\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    for piece in [
        "9\r\n{\"power_k\r\n",
        "3\r\nw\":\r\n",
        "3\r\n22}\r\n",
        "0\r\n\r\n",
    ] {
        client.send(piece.as_bytes()).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.answer().await.json()["power_kw"], 22.0);
    // A second request on the same connection: the first was consumed to its end.
    assert_eq!(client.ask(&post("")).await.json()["current_load"], 33.0);
}

#[tokio::test]
async fn a_too_large_body_that_is_announced_is_refused_before_it_is_sent() {
    let running = Running::of(100.0).await;
    let head =
        "POST /charge HTTP/1.1\r\nhost: s\r\nexpect: 100-continue\r\ncontent-length: 99999\r\n\r\n";
    let answer = running.ask(head).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (413, "body_too_large")
    );
}

#[tokio::test]
async fn other_paths_are_404_and_other_methods_405_with_allow() {
    let running = Running::of(100.0).await;
    for path in [
        "/",
        "/charge/",
        "/Charge",
        "/session/x",
        "/metrics/x",
        "/sessions",
    ] {
        let answer = running.ask(&get(path)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "not_found"),
            "{path}"
        );
    }
    let wrong = [
        ("GET", "/charge", "post"),
        ("PUT", "/charge", "post"),
        ("POST", "/metrics", "get, head"),
        ("DELETE", "/live", "get, head"),
        ("POST", "/ready", "get, head"),
        ("POST", "/sessions/x", "get, head, delete"),
    ];
    for (method, path, allow) in wrong {
        let answer = running.ask(&request(method, path)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (405, "method_not_allowed"),
            "{path}"
        );
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
    assert_eq!(running.substation.sessions_started(), 0);
}

#[tokio::test]
async fn a_refusal_carries_the_request_id_of_the_request_or_a_new_one() {
    let running = Running::of(100.0).await;
    let sent = "GET /x HTTP/1.1\r\nhost: s\r\nx-request-id: a\"b\\c-7\r\n\r\n";
    assert_eq!(
        running.ask(sent).await.json()["error"]["request_id"],
        "a\"b\\c-7"
    );
    let first = running.ask(&get("/x")).await.json()["error"]["request_id"].clone();
    let second = running.ask(&get("/x")).await.json()["error"]["request_id"].clone();
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_session_can_be_shown_and_unplugged_once() {
    let running = Running::of(100.0).await;
    let booked = running
        .charge(r#"{"power_kw":22,"energy_kwh":22}"#)
        .await
        .json();
    let other = running.charge("").await.json();
    let path = format!("/sessions/{}", booked["session_id"].as_str().unwrap());

    let shown = running.ask(&get(&path)).await;
    assert_eq!(shown.status, 200);
    let shown = shown.json();
    for field in [
        "session_id",
        "substation",
        "power_kw",
        "energy_kwh",
        "duration_seconds",
    ] {
        assert_eq!(shown[field], booked[field], "{field}");
    }
    assert_eq!(shown["state"], "charging");
    assert_eq!(shown["current_load"], 33.0);
    let remaining = shown["remaining_seconds"].as_f64().unwrap();
    assert!(remaining > 3500.0 && remaining < 3600.0, "{remaining}");

    let unplugged = running.ask(&request("DELETE", &path)).await;
    assert_eq!(unplugged.status, 200);
    let unplugged = unplugged.json();
    assert_eq!(unplugged["session_id"], booked["session_id"]);
    assert_eq!(unplugged["state"], "cancelled");
    assert_eq!(unplugged["current_load"], 11.0);
    for method in ["GET", "DELETE"] {
        let gone = running.ask(&request(method, &path)).await;
        assert_eq!((gone.status, gone.code().as_str()), (404, "not_found"));
    }
    assert_eq!(running.metric("substation_current_load").await, 11.0);
    assert_eq!(
        running
            .metric(r#"substation_sessions_ended_total{reason="cancelled"}"#)
            .await,
        1.0
    );
    assert_eq!(
        running
            .metric("substation_session_duration_seconds_count")
            .await,
        1.0
    );
    assert_eq!(other["current_load"], 33.0);
}

#[tokio::test]
async fn an_id_of_another_substation_or_of_wrong_form_is_404() {
    let running = Running::of(100.0).await;
    let id = running.charge("").await.json()["session_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let foreign = id.replace("substation1", "substation2");
    let bad = [
        foreign.as_str(),
        "substation1",
        "substation1-",
        "",
        "%00",
        "substation1-zzzzzzzzzzzzzzzz",
    ];
    for id in bad {
        for method in ["GET", "DELETE"] {
            let answer = running
                .ask(&request(method, &format!("/sessions/{id}")))
                .await;
            assert_eq!(answer.status, 404, "{id}");
        }
    }
    assert_eq!(running.substation.active_sessions(), 1);
}

#[tokio::test]
async fn a_session_ends_by_itself_and_leaves_no_load() {
    let config = Config {
        time_scale: 36_000.0,
        ..Config::new("s", 1000.0)
    };
    let running = Running::start(config).await;
    // Decimals that don't add up in binary; each lasts 0.1 s.
    for power in ["0.1", "0.2", "0.3", "3.7", "7.4"] {
        let body = format!(r#"{{"power_kw":{power},"energy_kwh":{power}}}"#);
        assert_eq!(running.charge(&body).await.status, 200);
    }
    until("all sessions ended", async || {
        running.metric("substation_active_sessions").await == 0.0
    })
    .await;
    let page = running.ask(&get("/metrics")).await;
    assert_eq!(page.metric("substation_current_load"), 0.0);
    assert_eq!(page.metric("substation_power_watts"), 0.0);
    assert_eq!(
        page.metric(r#"substation_sessions_ended_total{reason="completed"}"#),
        5.0
    );
    assert_eq!(
        page.metric("substation_session_duration_seconds_sum"),
        5.0 * 3600.0
    );
    let joules = page.metric("substation_energy_delivered_joules_total");
    assert!((joules / (11.7 * 3.6e6) - 1.0).abs() < 1e-6, "{joules}");
}
