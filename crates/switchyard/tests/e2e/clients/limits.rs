//! How much a client may ask for.

use std::{
    thread,
    time::{Duration, Instant},
};

use switchyard_faults::{self as client, Act, Answer, Scripted, fault::answer};

use super::{CHARGE, ask, charge, session_of, two};
use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

fn retry_after(refused: &Answer) -> u64 {
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (429, "rate_limited")
    );
    refused.header("retry-after").unwrap().parse().unwrap()
}

/// Waits as long as the answer says, and no longer.
fn wait_as_told(refused: &Answer, since: Instant) {
    let due = since + Duration::from_secs(retry_after(refused));
    thread::sleep(due.saturating_duration_since(Instant::now()));
}

#[test]
fn a_client_gets_its_burst_then_its_rate_and_is_told_when() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, &two(", rate: 30/m, burst: 3", ""));
    let answers: Vec<_> = (0..3).map(|_| charge(proxy.charge, "depot")).collect();
    for (at, served) in (1..).zip(&answers) {
        assert_eq!(served.status, 200, "{at}");
        assert_eq!(served.header("ratelimit-policy"), Some("\"rate\";q=3;w=6"));
        let left = served.header("ratelimit").unwrap();
        assert!(
            left.starts_with(&format!("\"rate\";r={};t=", 3 - at)),
            "{left}"
        );
    }
    let refused = charge(proxy.charge, "depot");
    let since = Instant::now();
    assert!((1..=2).contains(&retry_after(&refused)), "{refused:?}");
    let told = format!("\"rate\";r=0;t={}", retry_after(&refused));
    assert_eq!(refused.header("ratelimit"), Some(told.as_str()));
    for word in ["depot", "30/m", "clients: rate"] {
        assert!(refused.message().contains(word), "{refused:?}");
    }
    let other = charge(proxy.charge, "fleet");
    assert_eq!(other.status, 200, "another client's");
    assert_eq!(other.header("ratelimit"), None);
    wait_as_told(&refused, since);
    assert_eq!(charge(proxy.charge, "depot").status, 200, "as it was told");
    let refused = "switchyard_client_refused_total{client=\"depot\",reason=\"rate\"}";
    assert_eq!(proxy.metric(refused), 1.0);
}

#[test]
fn over_some_seconds_no_more_than_the_rate_passes_and_hardly_less() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, &two(", rate: 100/s, burst: 10", ""));
    let address = proxy.charge;
    let start = Instant::now();
    let ask = move || {
        let token = "authorization: Bearer token-of-depot\r\n";
        let request = client::request("POST", "/request_charge", token, CHARGE);
        let mut connection = client::Connection::open(address);
        let mut passed = 0;
        while start.elapsed() < Duration::from_secs(3) {
            connection.send(&request);
            passed += u32::from(connection.answer().status == 200);
        }
        passed
    };
    let all: Vec<_> = (0..4).map(|_| thread::spawn(ask)).collect();
    let passed: u32 = all.into_iter().map(|one| one.join().unwrap()).sum();
    let seconds = start.elapsed().as_secs_f64();
    let most = 10.0 + 100.0 * seconds + 1.0;
    assert!(f64::from(passed) <= most, "{passed} in {seconds} s");
    assert!(passed >= 250, "{passed} in {seconds} s");
}

#[test]
fn a_client_has_no_more_load_at_once_than_it_may_until_a_session_ends() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, &two(", load: 30", ""));
    let load = || proxy.metric("switchyard_client_load{client=\"depot\"}");
    let first = session_of(&charge(proxy.charge, "depot"));
    session_of(&charge(proxy.charge, "depot"));
    assert_eq!(load(), 22.0);
    let refused = charge(proxy.charge, "depot");
    retry_after(&refused);
    for word in ["depot", "22", "30", "11", "clients: load"] {
        assert!(refused.message().contains(word), "{refused:?}");
    }
    assert_eq!(
        refused.header("ratelimit-policy"),
        Some("\"load\";q=30;qu=\"load\"")
    );
    assert_eq!(
        charge(proxy.charge, "fleet").status,
        200,
        "another client's"
    );
    let small = ("POST", "/request_charge", r#"{"power_kw": 8}"#);
    assert_eq!(ask(proxy.charge, "depot", small).status, 200, "what fits");
    let large = ("POST", "/request_charge", r#"{"power_kw": 31}"#);
    let refused = ask(proxy.charge, "depot", large);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (422, "too_large_load")
    );
    let ended = ask(
        proxy.charge,
        "depot",
        ("DELETE", &format!("/sessions/{first}"), ""),
    );
    assert_eq!(ended.status, 200);
    assert_eq!(load(), 19.0);
    assert_eq!(charge(proxy.charge, "depot").status, 200);
}

/// Books sessions that last so many seconds.
fn lasting(seconds: f64) -> Scripted {
    let body = format!(r#"{{"session_id":"s1-00","duration_seconds":{seconds}}}"#);
    Scripted::charging(move || Act::Write(answer("200 OK", &body)))
}

#[test]
fn a_load_ends_when_the_answer_said_and_the_client_is_told_when() {
    let substation = lasting(1.5);
    let extra = format!("{}\ncharge: {{lasts: session}}", two(", load: 15", ""));
    let proxy = Proxy::start(&[substation.address], &extra);
    let booked = Instant::now();
    assert_eq!(charge(proxy.charge, "depot").status, 200);
    let refused = charge(proxy.charge, "depot");
    let since = Instant::now();
    assert!((1..=2).contains(&retry_after(&refused)), "{refused:?}");
    assert!(
        booked.elapsed() < Duration::from_millis(1_400),
        "a slow machine proves nothing"
    );
    wait_as_told(&refused, since);
    assert_eq!(charge(proxy.charge, "depot").status, 200, "as it was told");
}

#[test]
fn a_load_that_ends_with_its_answer_counts_until_then_and_a_failure_gives_it_back() {
    let (release, released) = std::sync::mpsc::channel::<&str>();
    let released = std::sync::Mutex::new(released);
    let substation = Scripted::charging(move || {
        let status = released.lock().unwrap().recv().unwrap_or("200 OK");
        Act::Write(answer(status, r#"{"session_id":"s1-00"}"#))
    });
    let extra = format!("{}\ncharge: {{lasts: answer}}", two(", load: 15", ""));
    let proxy = Proxy::start(&[substation.address], &extra);
    let load = || proxy.metric("switchyard_client_load{client=\"depot\"}");
    for status in ["200 OK", "422 Unprocessable Content", "500 Oops"] {
        let address = proxy.charge;
        let asking = thread::spawn(move || charge(address, "depot"));
        until("it is under way", || (load() == 11.0).then_some(()));
        assert_eq!(retry_after(&charge(proxy.charge, "depot")), 1);
        release.send(status).unwrap();
        asking.join().unwrap();
        until("it is over", || (load() == 0.0).then_some(()));
    }
}

#[test]
fn without_names_a_rate_holds_for_each_address() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, "limits: {client: {rate: 2/s}}");
    let answers: Vec<_> = (0..8).map(|_| charge(proxy.charge, "")).collect();
    let served = answers.iter().filter(|one| one.status == 200).count();
    assert!((2..8).contains(&served), "{served}");
    let refused = answers.iter().find(|one| one.status == 429).unwrap();
    assert_eq!(retry_after(refused), 1);
    for word in ["127.0.0.1", "2/s", "limits.client.rate"] {
        assert!(refused.message().contains(word), "{refused:?}");
    }
    let told = refused.header("ratelimit-policy");
    assert_eq!(told, Some("\"address\";q=2;w=1"));
    let limited = "switchyard_clients_limited_total{limit=\"rate\"}";
    assert!(proxy.metric(limited) >= 1.0);
}

#[test]
fn behind_a_trusted_proxy_the_rate_is_of_the_address_that_it_names() {
    let substations = Substations::start(&[1e6]);
    let extra = "limits: {client: {rate: 1/h}}\nforwarded: {trust: [127.0.0.1]}";
    let proxy = Proxy::start(&substations.addresses, extra);
    let ask = |headers: &str| {
        let headers = format!("{headers}connection: close\r\n");
        client::raw(
            proxy.charge,
            client::request("POST", "/request_charge", &headers, CHARGE),
        )
        .status
    };
    for last in 1..=3 {
        let named = format!("x-forwarded-for: 192.0.2.{last}\r\n");
        assert_eq!([ask(&named), ask(&named)], [200, 429], "{last}");
    }
    assert_eq!([ask(""), ask("")], [200; 2], "it speaks for many");
}

#[test]
fn a_name_has_its_own_rate_and_a_guess_has_that_of_its_address() {
    let substations = Substations::start(&[1e6]);
    let extra = format!("{}\nlimits: {{client: {{rate: 2/h}}}}", two("", ""));
    let proxy = Proxy::start(&substations.addresses, &extra);
    let statuses: Vec<_> = (0..4)
        .map(|_| charge(proxy.charge, "guess").status)
        .collect();
    // The burst of a rate by the hour is one.
    assert_eq!(statuses, [401, 429, 429, 429]);
    for _ in 0..4 {
        assert_eq!(charge(proxy.charge, "depot").status, 200);
    }
}
