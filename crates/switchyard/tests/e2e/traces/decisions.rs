//! From a request to the choice that was made for it.

use switchyard_faults::{Collector, Scripted, Taking, get, raw, request};

use super::{TRACE, charge, headers, proxy};
use crate::rig::until;

#[test]
fn a_sampled_request_keeps_its_choice_however_many_come_after_it() {
    let substation = Scripted::working("500");
    let collector = Collector::start(Taking::All);
    let proxy = proxy(&[&substation], &collector, 0.0, "");
    // So fast after one another that not all are recorded.
    for at in 0..50 {
        let id = format!("x-request-id: plain-{at}\r\n");
        assert_eq!(charge(&proxy, &id).status, 200);
        let id = format!("x-request-id: a/{at}?b\r\n");
        assert_eq!(charge(&proxy, &(headers("01") + &id)).status, 200);
    }
    for at in 0..50 {
        let found = proxy.get(&format!("/decisions/a%2F{at}%3Fb"));
        assert_eq!(found.status, 200, "{at}");
        let found = found.json();
        assert_eq!(found["request_id"], format!("a/{at}?b"));
        let decisions = found["decisions"].as_array().unwrap();
        assert_eq!(decisions.len(), 1);
        assert_eq!(decisions[0]["trace_id"], TRACE);
        assert_eq!(decisions[0]["substation"], "s1");
        assert!(decisions[0]["candidates"][0]["estimated_load"].is_f64());
    }
    let last = proxy.get("/decisions?limit=2000").json();
    let last = last["decisions"].as_array().unwrap();
    assert_eq!(last[0]["request_id"], "a/49?b", "the newest first");
    let plain = last.iter().filter(|one| one["trace_id"].is_null()).count();
    assert!((1..=50).contains(&plain), "{plain}");
    assert_eq!(last.len(), plain + 50);
}

#[test]
fn a_bucket_of_the_latency_shows_the_trace_of_a_sampled_request() {
    let substation = Scripted::working("500");
    let collector = Collector::start(Taking::All);
    let proxy = proxy(&[&substation], &collector, 0.0, "");
    let exemplars = || {
        let accept = "accept: application/openmetrics-text\r\nconnection: close\r\n";
        let page = raw(proxy.admin, request("GET", "/metrics", accept, ""));
        let page = String::from_utf8(page.body).unwrap();
        let lines = page.lines().filter(|line| line.contains("trace_id"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(charge(&proxy, "").status, 200);
    assert_eq!(exemplars(), [""; 0], "nothing was sampled");
    assert_eq!(charge(&proxy, &headers("01")).status, 200);
    // It is kept once the last byte of the answer has been sent.
    let shown = until("an exemplar", || {
        Some(exemplars()).filter(|shown| !shown.is_empty())
    });
    assert_eq!(shown.len(), 1, "{shown:?}");
    let begin = "switchyard_request_duration_seconds_bucket{result=\"booked\",le=\"";
    assert!(shown[0].starts_with(begin), "{shown:?}");
    assert!(
        shown[0].contains(&format!(" # {{trace_id=\"{TRACE}\"}} 0.")),
        "{shown:?}"
    );
    let text = String::from_utf8(proxy.get("/metrics").body).unwrap();
    assert!(!text.contains("trace_id") && !text.contains("# EOF"));
}

#[test]
fn one_that_is_not_kept_is_404_and_says_what_to_do() {
    let substation = Scripted::working("500");
    let collector = Collector::start(Taking::All);
    let proxy = proxy(&[&substation], &collector, 0.0, "");
    let answer = get(proxy.admin, "/decisions/unknown");
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    let message = answer.message();
    for part in ["\"unknown\"", "tracing.sample", "traceparent"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(get(proxy.admin, "/decisions/").status, 404);
}
