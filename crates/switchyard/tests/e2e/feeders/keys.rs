//! Keys and the header `x-possible-holder` lead to a substation without a choice: no limit can be passed that way.

use std::{net::SocketAddr, thread};

use switchyard_faults::{self as client, Answer};

use super::{
    held::CONFIG,
    yard::{Mood, Yard, feeders, limits},
};
use crate::rig::{Proxy, until};

fn keyed(charge: SocketAddr, key: &str, headers: &str, power: f64) -> Answer {
    let headers = format!("idempotency-key: {key}\r\n{headers}connection: close\r\n");
    let body = format!(r#"{{"power_kw": {power}}}"#);
    client::raw(
        charge,
        client::request("POST", "/request_charge", &headers, &body),
    )
}

#[test]
fn a_named_holder_below_a_full_feeder_books_nothing_new() {
    let yard = Yard::start(limits(600.0, 40.0, 30.0));
    let proxy = Proxy::ready_from(&yard.yaml(&format!("{CONFIG}{}", feeders(600.0, 40.0, 30.0))));
    yard.is(2, Mood::Hangs);
    // A key in doubt gives the sign of s3.
    let sign = until("a charge at s3", || {
        let answer = keyed(proxy.charge, &format!("k{}", fastrand::u64(..)), "", 1.0);
        answer.header("x-possible-holder").map(str::to_owned)
    });
    yard.is(2, Mood::Well);
    yard.fill(&proxy, "feeder8");
    for key in 0..20 {
        let named = format!("x-possible-holder: {sign}\r\n");
        let answer = keyed(proxy.charge, &format!("new-{key}"), &named, 1.0);
        assert_eq!((answer.status, &*answer.code()), (503, "no_capacity"));
    }
    yard.held();
}

#[test]
fn keys_in_doubt_that_are_repeated_when_their_feeder_is_full_do_not_pass_its_limit() {
    let yard = Yard::start(limits(600.0, 40.0, 30.0));
    let config = CONFIG.replace(
        "load:",
        "timeouts: {request: 300ms}\nhealth: {failures: 1000, success_rate: 0}\nload:",
    );
    let proxy = Proxy::ready_from(&yard.yaml(&format!("{config}{}", feeders(600.0, 40.0, 30.0))));
    for at in 0..3 {
        yard.is(at, Mood::Hangs);
    }
    // None of these is booked, which the proxy can't know.
    let keys: Vec<_> = (0..20).map(|key| format!("k{key}")).collect();
    let charge = proxy.charge;
    thread::scope(|scope| {
        for key in &keys {
            scope.spawn(move || {
                let answer = keyed(charge, key, "", 1.0);
                assert!([502, 504].contains(&answer.status), "{}", answer.status);
            });
        }
    });
    for at in 0..3 {
        yard.is(at, Mood::Well);
    }
    yard.fill(&proxy, "feeder7");
    yard.fill(&proxy, "feeder8");
    for key in &keys {
        let answer = keyed(proxy.charge, key, "", 1.0);
        assert_eq!((answer.status, &*answer.code()), (503, "no_capacity"));
    }
    yard.held();
    // Where there is room, the same key books.
    while yard.book().left("feeder7") < 2.0 || yard.book().left("feeder8") < 2.0 {
        yard.book().end_any();
    }
    until("it is booked", || {
        (keyed(proxy.charge, &keys[0], "", 1.0).status == 200).then_some(())
    });
    assert_eq!(keyed(proxy.charge, &keys[0], "", 1.0).status, 200);
    yard.held();
}

#[test]
fn a_repetition_of_a_booked_key_is_answered_below_a_full_feeder_too() {
    let yard = Yard::start(limits(20.0, 220.0, 200.0));
    let proxy = Proxy::ready_from(&yard.yaml(&format!("{CONFIG}{}", feeders(20.0, 220.0, 200.0))));
    // While a sample can't say whether it has the last booking, the last room may be refused for a moment.
    let book = |key: usize| {
        until("a booking", || {
            let answer = keyed(proxy.charge, &format!("k{key}"), "", 1.0);
            (answer.status == 200).then(|| answer.json()["session_id"].clone())
        })
    };
    let sessions: Vec<_> = (0..20).map(book).collect();
    assert_eq!(proxy.charge(r#"{"power_kw": 0.5}"#).status, 503);
    for (key, session) in sessions.iter().enumerate() {
        let again = keyed(proxy.charge, &format!("k{key}"), "", 1.0);
        assert_eq!(again.status, 200);
        assert_eq!(again.json()["session_id"], *session);
    }
    yard.held();
    yard.agrees(&proxy);
}
