//! Substations that refuse, break connections, hang or are gone: a request goes to another one only if that can't book
//! twice.

use std::net::TcpListener;

use switchyard_faults::{
    Act, ClosedPort, Scripted,
    fault::{answer, booked, no_capacity, page},
};

use crate::rig::{Proxy, until};

#[test]
fn a_refused_charge_goes_to_another_substation_and_is_not_counted_as_booked() {
    let refusing = Scripted::charging(|| Act::Write(no_capacity()));
    let works = Scripted::working("500");
    let proxy = Proxy::start(
        &[refusing.address, works.address],
        "load: {interval: 10s, stale_after: 20s}",
    );
    for _ in 0..10 {
        let answer = proxy.charge("");
        assert_eq!(
            (answer.status, answer.header("x-substation")),
            (200, Some("s2"))
        );
    }
    // Its refusal counts for more than its idle gauge, at least until the next sample.
    assert_eq!(refusing.charges().len(), 1);
    assert_eq!(works.charges().len(), 10);
    assert_eq!(
        proxy.metric("switchyard_failovers_total{reason=\"refused\"}"),
        1.0
    );
    assert_eq!(
        proxy.status()["substations"][0]["health"]["refuses_from"],
        11.0
    );
    let small = proxy.charge(r#"{"power_kw": 3.7}"#);
    assert_eq!(small.header("x-substation"), Some("s2"));
    assert_eq!(refusing.charges().len(), 2, "a smaller charge may fit");
    let status = proxy.status();
    assert_eq!(
        status["substations"][0]["unseen_load"], 0.0,
        "nothing is left behind"
    );
    assert_eq!(status["substations"][1]["unseen_load"], 113.7);
}

#[test]
fn when_all_substations_refuse_the_client_gets_503_with_retry_after() {
    let all: Vec<_> = (0..5)
        .map(|_| Scripted::charging(|| Act::Write(no_capacity())))
        .collect();
    let addresses: Vec<_> = all.iter().map(|substation| substation.address).collect();
    let proxy = Proxy::start(&addresses, "");
    let answer = proxy.charge("");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "no_capacity")
    );
    assert!(answer.header("retry-after").is_some());
    let asked: Vec<_> = all
        .iter()
        .map(|substation| substation.charges().len())
        .collect();
    assert_eq!(
        asked.iter().sum::<usize>(),
        3,
        "retry.attempts, each at another substation: {asked:?}"
    );
    assert_eq!(asked.iter().max(), Some(&1), "{asked:?}");
}

#[test]
fn an_unreachable_substation_is_skipped_and_then_out_of_rotation() {
    let works = Scripted::working("500");
    // Its gauge was sampled once and shows it idle: every request would go there.
    let dying = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = dying.local_addr().unwrap();
    let proxy = Proxy::start_unready(
        &[address, works.address],
        "load: {interval: 10s, stale_after: 20s}",
    );
    {
        use std::io::{Read, Write};
        let (mut stream, _) = dying.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]).unwrap();
        stream
            .write_all(&page("substation_current_load 0\n"))
            .unwrap();
        proxy.wait_until_ready();
        drop(dying);
    }
    for _ in 0..10 {
        let answer = proxy.charge("");
        assert_eq!(
            (answer.status, answer.header("x-substation")),
            (200, Some("s2"))
        );
    }
    assert_eq!(
        proxy.metric("switchyard_failovers_total{reason=\"connect\"}"),
        3.0,
        "then it is ejected"
    );
    assert_eq!(proxy.status()["substations"][0]["state"], "down");
    proxy.logged("Substation ejected");
}

#[test]
fn an_unreachable_substation_is_back_when_a_scrape_reaches_it() {
    let works = Scripted::charging(|| Act::Write(booked()));
    let gone = ClosedPort::new();
    let proxy = Proxy::start(&[works.address, gone.address], "load: {interval: 20ms}");
    proxy.logged("Substation unreachable");
    assert_eq!(proxy.status()["substations"][1]["state"], "down");
    let listener = gone.listen();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 2048]);
            let _ = stream.write_all(&page("substation_current_load 0\n"));
        }
    });
    until("the substation is up", || {
        (proxy.status()["substations"][1]["state"] == "up").then_some(())
    });
}

#[test]
fn without_a_reachable_substation_the_answer_is_503_no_substation() {
    let gone = [ClosedPort::new(), ClosedPort::new()];
    let addresses = [gone[0].address, gone[1].address];
    let proxy = Proxy::start_unready(&addresses, "load: {interval: 20ms}");
    let ready = proxy.get("/ready");
    assert_eq!((ready.status, ready.code().as_str()), (503, "not_ready"));
    let answer = proxy.charge("");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "no_substation")
    );
    assert!(answer.header("retry-after").is_some());
}

#[test]
fn a_connection_lost_after_sending_is_502_and_no_other_substation_is_asked() {
    let whole = answer("200 OK", r#"{"session_id":"lost"}"#);
    let cuts = [
        Vec::new(),
        whole[..20].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        b"HTTP/9 x\r\n\r\n".to_vec(),
    ];
    for cut in cuts {
        let bytes = cut.clone();
        let breaks = Scripted::charging(move || Act::WriteAndClose(bytes.clone()));
        let works = Scripted::working("500");
        let proxy = Proxy::start(
            &[breaks.address, works.address],
            "load: {interval: 10s, stale_after: 20s}",
        );
        let answer = proxy.charge("");
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (502, "substation_failed"),
            "{cut:?}"
        );
        assert!(
            answer.message().contains("may be booked"),
            "{}",
            answer.message()
        );
        assert_eq!(
            (breaks.charges().len(), works.charges().len()),
            (1, 0),
            "{cut:?}"
        );
        assert_eq!(proxy.status()["substations"][0]["in_flight"], 0);
    }
}

#[test]
fn a_substation_that_hangs_is_504_that_says_it_may_be_booked() {
    let hangs = Scripted::charging(|| Act::Hang);
    let works = Scripted::working("500");
    let proxy = Proxy::start(
        &[hangs.address, works.address],
        "timeouts: {request: 150ms, connect: 100ms}\nload: {interval: 10s, stale_after: 20s}",
    );
    let answer = proxy.charge("");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (504, "deadline_exceeded")
    );
    assert!(
        answer.message().contains("may be booked"),
        "{}",
        answer.message()
    );
    assert_eq!((hangs.charges().len(), works.charges().len()), (1, 0));
}

#[test]
fn a_substation_that_fails_fast_does_not_draw_every_request() {
    let fails = Scripted::charging(|| Act::Write(answer("500 Internal Server Error", "{}")));
    let works = Scripted::working("500");
    let proxy = Proxy::start(
        &[fails.address, works.address],
        "load: {interval: 10s, stale_after: 20s}",
    );
    let statuses: Vec<_> = (0..10).map(|_| proxy.charge("").status).collect();
    assert_eq!(statuses, [500, 500, 500, 200, 200, 200, 200, 200, 200, 200]);
}

#[test]
fn a_connection_that_closed_while_it_lay_idle_is_not_used() {
    let works = Scripted::start(|head| {
        if head.starts_with("GET") {
            Act::Write(page("substation_current_load 0\n"))
        } else {
            // Promises to keep the connection, and closes it.
            Act::WriteAndClose(booked())
        }
    });
    let proxy = Proxy::start(&[works.address], "");
    for sent in 1..=50 {
        assert_eq!(proxy.charge("").status, 200, "request {sent}");
        until("the close", || (works.closed() >= sent).then_some(()));
    }
    assert_eq!(works.charges().len(), 50);
}

#[test]
fn a_refused_and_a_full_grid_leave_nothing_in_flight() {
    let refusing = Scripted::charging(|| Act::Write(no_capacity()));
    let proxy = Proxy::start(&[refusing.address], "");
    for _ in 0..20 {
        assert_eq!(proxy.charge("").status, 503);
    }
    let status = proxy.status();
    assert_eq!(status["substations"][0]["in_flight"], 0);
    assert_eq!(status["substations"][0]["estimated_load"], 0.0);
}
