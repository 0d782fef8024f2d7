//! Each way that a request can take through the proxy.

use substation::Config;
use switchyard_faults::{
    self as client, Act, ClosedPort, Collector, Connection, Scripted, Taking,
    fault::{answer, no_capacity},
    request,
};

use super::{TRACE, charge, header, headers, named, proxy, requests};
use crate::{h2, rig::Proxy, substations::Substations};

#[test]
fn each_attempt_has_a_span_and_the_substation_gets_its_own() {
    let refusing = Scripted::charging(|| Act::Write(no_capacity()));
    let works = Scripted::working("500");
    let collector = Collector::start(Taking::All);
    let proxy = proxy(
        &[&refusing, &works],
        &collector,
        0.0,
        "load: {interval: 10s, stale_after: 20s}",
    );
    assert_eq!(charge(&proxy, &headers("01")).status, 200);
    let spans = requests(&collector, 1);
    let attempts = named(&spans, "POST");
    let [first, second] = attempts[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(named(&spans, "choose").len(), 2);
    assert_eq!((first.status, second.status), (2, 0));
    assert_eq!(first.get("error.type"), "503");
    assert_eq!(first.get("switchyard.attempt.result"), "refused");
    assert_eq!(first.get("switchyard.retry_reason"), "refused");
    assert_eq!(second.get("http.request.resend_count"), "1");
    for (substation, span) in [(&refusing, first), (&works, second)] {
        let parent = format!("00-{TRACE}-{}-01", span.id);
        let got = &substation.charges()[0];
        assert_eq!(header(got, "traceparent"), Some(parent.as_str()));
    }
    assert!(first.time.1 <= second.time.0);
}

#[test]
fn a_substation_that_is_gone_is_an_attempt_that_failed() {
    let gone = ClosedPort::new();
    let collector = Collector::start(Taking::All);
    let configuration = super::configuration(&collector.url(), 0.0, "");
    let proxy = Proxy::start_unready(&[gone.address], &configuration);
    assert_eq!(charge(&proxy, &headers("01")).status, 503);
    let spans = requests(&collector, 1);
    let request = spans.iter().find(|span| span.kind == 2).unwrap();
    assert_eq!(request.status, 2);
    assert_eq!(request.get("error.type"), "no_substation");
    assert_eq!(request.get("switchyard.code"), "no_substation");
    for attempt in named(&spans, "POST") {
        assert_eq!(attempt.get("error.type"), "connect");
        assert_eq!(attempt.get("switchyard.sent"), "false");
    }
}

/// A proxy before a substation with room for one session, which ends after two seconds.
fn full(collector: &Collector, patience: &str) -> (Substations, Proxy) {
    let substations = Substations::of([Config {
        time_scale: 1_800.0,
        ..Config::new("s1".to_owned(), 11.0)
    }]);
    let extra = format!("admission: {{queue: 8, timeout: {patience}}}\nload: {{interval: 50ms}}");
    let configuration = super::configuration(&collector.url(), 0.0, &extra);
    let proxy = Proxy::start(&substations.addresses, &configuration);
    let hour = r#"{"power_kw": 11, "energy_kwh": 11}"#;
    assert_eq!(proxy.charge(hour).status, 200);
    (substations, proxy)
}

#[test]
fn a_wait_for_room_has_a_span_and_so_has_the_choice_that_ends_it() {
    let collector = Collector::start(Taking::All);
    let (_substations, proxy) = full(&collector, "4s");
    assert_eq!(charge(&proxy, &headers("01")).status, 200);
    let spans = requests(&collector, 1);
    let request = spans.iter().find(|span| span.kind == 2).unwrap();
    let (waits, choices) = (named(&spans, "wait for room"), named(&spans, "choose"));
    assert_eq!((waits.len(), choices.len()), (1, 1), "{spans:?}");
    assert_eq!(waits[0].get("switchyard.wait.result"), "admitted");
    assert_eq!(waits[0].parent, request.id);
    assert_eq!(choices[0].get("switchyard.candidates.capacity"), "11");
    assert!(waits[0].time.1 <= named(&spans, "POST")[0].time.0 + 1_000_000);
}

#[test]
fn a_wait_in_vain_says_whose_limit_left_no_room() {
    let collector = Collector::start(Taking::All);
    let (_substations, proxy) = full(&collector, "300ms");
    let answer = charge(&proxy, &headers("01"));
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "no_capacity")
    );
    let spans = requests(&collector, 1);
    let [request, wait] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(wait.get("switchyard.wait.result"), "in_vain");
    let waited: f64 = request.get("switchyard.queue_seconds").parse().unwrap();
    assert!(waited >= 0.25, "{waited}");
    assert_eq!(request.get("switchyard.code"), "no_capacity");
    assert_eq!(request.status, 2);
}

#[test]
fn later_requests_sessions_and_those_that_can_t_be_answered_are_traced_alike() {
    let substation = Scripted::start(|head| {
        if head.starts_with("GET /metrics") {
            Act::Write(client::fault::gauge("0"))
        } else {
            Act::Write(answer("200 OK", r#"{"session_id":"s1-1","power_kw":11}"#))
        }
    });
    let collector = Collector::start(Taking::All);
    let proxy = proxy(&[&substation], &collector, 0.0, "");
    let mut connection = Connection::open(proxy.charge);
    // The fast way in, the other one, and paths and methods of all kinds.
    for (method, path, body, status) in [
        ("POST", "/request_charge", "{}", 200),
        ("POST", "/assign_substation", "{}", 200),
        ("POST", "/request_charge?a=b", "{}", 200),
        ("GET", "/sessions/s1-1", "", 200),
        ("POST", "/request_charge", "what", 400),
        ("GET", &format!("/{}", "e".repeat(5_000)), "", 404),
        ("BREW", "/request_charge", "", 405),
    ] {
        connection.send(request(method, path, &headers("01"), body));
        assert_eq!(connection.answer().status, status, "{method} {path}");
    }
    let spans = requests(&collector, 7);
    let requests = spans.iter().filter(|span| span.kind == 2);
    let mut names: Vec<_> = requests.clone().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "GET",
            "GET /sessions/{id}",
            "POST /assign_substation",
            "POST /request_charge",
            "POST /request_charge",
            "POST /request_charge",
            "_OTHER /request_charge",
        ]
    );
    let longest = requests.clone().map(|span| span.get("url.path").len());
    assert_eq!(longest.max(), Some(256));
    // What a client does wrong is no error of the server.
    assert!(requests.clone().all(|span| span.status == 0));
    let mut codes: Vec<_> = requests.map(|span| span.get("switchyard.code")).collect();
    codes.sort_unstable();
    let expected = [
        "",
        "",
        "",
        "",
        "invalid_request",
        "method_not_allowed",
        "not_found",
    ];
    assert_eq!(codes, expected);
    assert_eq!(named(&spans, "choose").len(), 3);
    for got in substation.requests("GET /sessions") {
        assert!(header(&got, "traceparent").unwrap().contains(TRACE));
    }
}

#[test]
fn requests_over_http2_are_traced() {
    let substation = Scripted::working("500");
    let collector = Collector::start(Taking::All);
    let proxy = proxy(&[&substation], &collector, 1.0, "http2: {cleartext: true}");
    h2::runtime().block_on(async {
        let client = h2::Client::cleartext(proxy.charge).await;
        for _ in 0..3 {
            let asked = client.try_begin("POST", "/request_charge", "{}").await;
            assert_eq!(h2::whole(asked.unwrap()).await.unwrap().status, 200);
        }
    });
    let spans = requests(&collector, 3);
    let requests: Vec<_> = spans.iter().filter(|span| span.kind == 2).collect();
    assert!(
        requests
            .iter()
            .all(|span| span.get("network.protocol.version") == "2")
    );
    assert_eq!(spans.len(), 9, "each with a choice and an attempt");
    for got in substation.charges() {
        let parent = header(&got, "traceparent").unwrap();
        assert!(spans.iter().any(|span| parent.contains(&span.id)), "{got}");
    }
}
