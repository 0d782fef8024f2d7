//! What is read of requests of routes.

use switchyard_clients::Accounts;
use switchyard_config::Config;
use switchyard_grid::{Clock, Grid};

use super::*;
use crate::{metrics::Metrics, snapshot::InForce};

fn snapshot(route: &str) -> Arc<Snapshot> {
    let text = format!(
        "substations: [{{name: a, address: 127.0.0.1:1, labels: {{model: m}}}}]\n\
         select: {{model: {{field: model}}}}\nroutes: [{{path: /a, {route}}}]"
    );
    let config = Config::from_yaml(&text, "test").unwrap();
    let metrics = Metrics::new().unwrap();
    let grid = Grid::new(&config, &metrics.grid, Clock::start(), 1).unwrap();
    InForce::new(config, Arc::new(grid), &Accounts::default()).snapshot()
}

fn rule(snapshot: &Snapshot) -> Arc<RouteRule> {
    match snapshot.routes.as_ref().unwrap().find("POST", "/a") {
        FoundRoute::Rule(rule) => Arc::clone(rule),
        other => panic!("{other:?}"),
    }
}

const FIELD: &str = "load: {field: n, default: 3, per: 10}";

#[test]
fn a_stream_is_read_as_far_as_it_can_be() {
    let snapshot = snapshot(FIELD);
    let rule = rule(&snapshot);
    let head = http::HeaderMap::new();
    for (body, load, is_served) in [
        (None, 3.0, true),
        (Some(""), 3.0, true),
        (Some("n=5"), 3.0, true),
        (Some(r#"{"n": 5}"#), 0.5, true),
        (Some(r#"{"n": -5, "model": "m"}"#), 3.0, true),
        (Some(r#"{"n": 1e300}"#), 3.0, true),
        (
            Some(r#"{"model": ["x"], "n": 5, "vehicle_id": 7}"#),
            0.5,
            true,
        ),
        (Some(r#"{"n": "5", "model": "x"}"#), 3.0, false),
    ] {
        let of = (&rule, ("POST", "/a"));
        let body = body.map(str::as_bytes);
        let charge = Charge::of_stream(body, Head::Parsed(&head), of, &snapshot).unwrap();
        assert_eq!(Some(charge.load), Load::new(load), "{body:?}");
        assert_eq!(charge.needs.not_sent.is_none(), is_served, "{body:?}");
    }
    assert!(rule.reads_body());
}

#[test]
fn a_message_is_another_one_with_another_method_path_or_body() {
    let snapshot = snapshot("buffer: true");
    let rule = rule(&snapshot);
    let head = http::HeaderMap::new();
    let fingerprint = |method, path, body: &'static str| {
        let of = (&rule, (method, path));
        let body = body.as_bytes();
        let read = Charge::of_route(body, Head::Parsed(&head), of, &snapshot, true);
        read.unwrap().fingerprint.unwrap()
    };
    let first = fingerprint("POST", "/a", "x");
    assert_eq!(first, fingerprint("POST", "/a", "x"));
    for other in [
        fingerprint("PUT", "/a", "x"),
        fingerprint("POST", "/b", "x"),
        fingerprint("POST", "/a", "y"),
    ] {
        assert_ne!(first, other);
    }
}

#[test]
fn what_a_failure_means_follows_from_the_method_and_how_long_the_load_lasts() {
    use Consequence::{MayBeBooked, MayBeDone, NotBooked, NotDone, NothingChanged};
    for (method, lasts, unsent, sent) in [
        ("POST", "answer", NotDone, MayBeDone),
        ("GET", "answer", NotDone, NothingChanged),
        ("GET", "session", NotBooked, MayBeBooked),
        ("POST", "session", NotBooked, MayBeBooked),
    ] {
        let snapshot = snapshot(&format!("lasts: {lasts}"));
        let routed = Routed {
            rule: rule(&snapshot),
            method,
            path: "/a",
            is_stream: false,
        };
        let means = [Progress::Unsent, Progress::Sent].map(|at| routed.consequence(at));
        assert_eq!(means, [unsent, sent], "{method} {lasts}");
    }
}
