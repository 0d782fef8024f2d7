//! Traces: what a collector and a substation get of a request, however it comes and however it ends.

mod collectors;
mod decisions;
mod ways;

use switchyard_faults::{
    self as client, Answer, CollectedSpan, Collector, Scripted, Taking, request,
};

use crate::rig::Proxy;

/// The trace of a client that is sampled.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
/// The client's span.
const PARENT: &str = "b7ad6b7169203331";

/// The client's headers, with these flags.
fn headers(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{PARENT}-{flags}\r\ntracestate: vendor=1\r\n")
}

/// A proxy that sends its traces to this collector.
fn proxy(substations: &[&Scripted], collector: &Collector, sample: f64, extra: &str) -> Proxy {
    let addresses: Vec<_> = substations.iter().map(|one| one.address).collect();
    Proxy::start(&addresses, &configuration(&collector.url(), sample, extra))
}

fn configuration(url: &str, sample: f64, extra: &str) -> String {
    format!("tracing: {{otlp: \"{url}\", sample: {sample}}}\n{extra}")
}

/// A charge with these headers, on a connection of its own.
fn charge(proxy: &Proxy, headers: &str) -> Answer {
    let headers = format!("{headers}connection: close\r\n");
    client::raw(
        proxy.charge,
        request("POST", "/request_charge", &headers, r#"{"power_kw": 11}"#),
    )
}

/// The spans with this name.
fn named<'s>(spans: &'s [CollectedSpan], name: &str) -> Vec<&'s CollectedSpan> {
    spans.iter().filter(|span| span.name == name).collect()
}

/// The value of a header in a request that a substation got.
fn header<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    let mut lines = request.lines().filter_map(|line| line.split_once(": "));
    lines
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// Waits for so many requests.
fn requests(collector: &Collector, count: usize) -> Vec<CollectedSpan> {
    collector.spans(|spans| spans.iter().filter(|span| span.kind == 2).count() >= count)
}

#[test]
fn a_sampled_trace_goes_through_the_proxy_to_the_substation() {
    let substation = Scripted::working("500");
    let collector = Collector::start(Taking::All);
    let proxy = proxy(&[&substation], &collector, 0.0, "");
    let answer = charge(&proxy, &(headers("01") + "x-request-id: car-1\r\n"));
    assert_eq!(answer.status, 200);
    let spans = requests(&collector, 1);
    let [request, choice, attempt] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert!(spans.iter().all(|span| span.trace == TRACE), "{spans:?}");
    assert!(spans.iter().all(|span| span.state == "vendor=1"));
    assert_eq!(request.name, "POST /request_charge");
    assert_eq!((request.kind, request.parent.as_str()), (2, PARENT));
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/request_charge"),
        ("url.path", "/request_charge"),
        ("url.scheme", "http"),
        ("http.response.status_code", "200"),
        ("network.protocol.version", "1.1"),
        ("client.address", "127.0.0.1"),
        ("http.request.body.size", "16"),
        ("switchyard.request_id", "car-1"),
        ("switchyard.outcome", "booked"),
        ("switchyard.load", "11"),
        ("switchyard.attempts", "1"),
        ("switchyard.queue_seconds", "0"),
    ] {
        assert_eq!(request.get(key), value, "{key}");
    }
    assert_eq!((choice.name.as_str(), choice.kind), ("choose", 1));
    assert_eq!(choice.parent, request.id);
    for (key, value) in [
        ("switchyard.substation", "s1"),
        ("switchyard.policy", "least_load"),
        ("switchyard.candidates", "s1"),
        ("switchyard.candidates.estimated_load", "500"),
        ("switchyard.candidates.capacity", "unknown"),
    ] {
        assert_eq!(choice.get(key), value, "{key}");
    }
    let age: f64 = choice
        .get("switchyard.candidates.sample_age_seconds")
        .parse()
        .unwrap();
    assert!((0.0..20.0).contains(&age), "{age}");
    assert_eq!((attempt.name.as_str(), attempt.kind), ("POST", 3));
    assert_eq!(attempt.parent, request.id);
    let port = substation.address.port().to_string();
    for (key, value) in [
        ("server.address", "127.0.0.1"),
        ("server.port", port.as_str()),
        ("http.response.status_code", "200"),
        ("switchyard.substation", "s1"),
        ("switchyard.attempt.result", "ok"),
        ("switchyard.sent", "true"),
    ] {
        assert_eq!(attempt.get(key), value, "{key}");
    }
    assert!(spans.iter().all(|span| span.time.0 <= span.time.1));
    assert!(request.time.0 <= attempt.time.0 && attempt.time.1 <= request.time.1);
    assert!(
        request.resource["service.instance.id"].ends_with(&format!(":{}", proxy.admin.port())),
        "{:?}",
        request.resource
    );
    let got = &substation.charges()[0];
    let parent = format!("00-{TRACE}-{}-01", attempt.id);
    assert_eq!(header(got, "traceparent"), Some(parent.as_str()));
    assert_eq!(header(got, "tracestate"), Some("vendor=1"));
}

#[test]
fn what_is_not_sampled_leaves_nothing_and_its_headers_pass_unchanged() {
    let substation = Scripted::working("500");
    let collector = Collector::start(Taking::All);
    let mut proxy = proxy(&[&substation], &collector, 0.0, "");
    let sent = [
        headers("00"),
        headers("fe"),
        "traceparent: what\r\ntracestate: vendor=1\r\n".to_owned(),
        "tracestate: vendor=1\r\n".to_owned(),
        String::new(),
        // Two are none.
        headers("01") + &headers("01"),
    ];
    for headers in &sent {
        assert_eq!(charge(&proxy, headers).status, 200);
    }
    let got = substation.charges();
    for (headers, got) in sent.iter().zip(&got) {
        for line in headers.lines() {
            assert!(got.contains(&format!("{line}\r\n")), "{got}");
        }
        let count = |text: &str| text.matches("trace").count();
        assert_eq!(count(got), count(headers), "{got}");
    }
    proxy.signal(nix::sys::signal::Signal::SIGTERM);
    proxy.wait();
    assert!(collector.taken().is_empty());
}

#[test]
fn a_malformed_parent_begins_a_trace_without_the_clients_state() {
    let substation = Scripted::working("500");
    let collector = Collector::start(Taking::All);
    let proxy = proxy(&[&substation], &collector, 1.0, "");
    let upper = headers("01").replace(TRACE, &TRACE.to_ascii_uppercase());
    for headers in ["", "traceparent: 00-\r\ntracestate: vendor=1\r\n", &upper] {
        assert_eq!(charge(&proxy, headers).status, 200);
    }
    let spans = requests(&collector, 3);
    let mut traces: Vec<_> = spans.iter().map(|span| span.trace.clone()).collect();
    traces.sort();
    traces.dedup();
    assert_eq!(traces.len(), 3);
    for span in spans.iter().filter(|span| span.kind == 2) {
        assert_eq!((span.parent.as_str(), span.state.as_str()), ("", ""));
    }
    for got in substation.charges() {
        let parent = header(&got, "traceparent").unwrap();
        assert_eq!(got.matches("traceparent").count(), 1, "{got}");
        assert!(traces.iter().any(|trace| parent.contains(trace)), "{got}");
        assert_eq!(header(&got, "tracestate"), None);
    }
    assert_eq!(charge(&proxy, &headers("00")).status, 200);
    let got = substation.charges().pop().unwrap();
    assert_eq!(
        header(&got, "traceparent"),
        Some(format!("00-{TRACE}-{PARENT}-00").as_str()),
        "a client that decides against it is not traced"
    );
}
