//! Answers that are larger than `limits.answer`.

use switchyard_faults::{
    Act, Scripted,
    fault::{answer, booked},
};

use crate::rig::Proxy;

#[test]
fn an_answer_over_the_limit_is_502_that_says_so_and_no_failure_of_the_substation() {
    let large = answer("200 OK", &"x".repeat(1001));
    let substation = Scripted::start(move |request| {
        Act::Write(if request.starts_with("GET /metrics") {
            switchyard_faults::fault::gauge("0")
        } else if request.contains("large") || request.starts_with("GET /sessions") {
            large.clone()
        } else {
            booked()
        })
    });
    let proxy = Proxy::start(
        &[substation.address],
        "limits: {answer: 1000B}\nhealth: {failures: 1}\nload: {interval: 10s, stale_after: 20s}",
    );
    for _ in 0..5 {
        let refused = proxy.charge(r#"{"vehicle_id":"large"}"#);
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (502, "substation_failed")
        );
        for words in ["limits.answer", "1000 bytes", "may be booked", "s1"] {
            assert!(refused.message().contains(words), "{}", refused.message());
        }
    }
    let session = switchyard_faults::get(proxy.charge, "/sessions/s1-00");
    assert_eq!(session.status, 502);
    assert!(session.message().contains("limits.answer"));
    assert_eq!(proxy.charge("").status, 200);
    let health = &proxy.status()["substations"][0];
    assert_eq!(
        (&health["state"], &health["in_flight"]),
        (&"up".into(), &0.into())
    );
    let counted = "switchyard_upstream_requests_total{outcome=\"oversize\",substation=\"s1\"}";
    assert_eq!(proxy.metric(counted), 5.0);
}
