//! Where requests of routes may go, and what they wait for.

use std::{net::SocketAddr, thread};

use switchyard_faults::{self as client, Act, Answer, Scripted, fault};

use super::{ask_with, lines, working};
use crate::rig::{Proxy, until};

/// A file with these substations, each with a zone and a capacity.
fn file(substations: &[(&Scripted, &str, u32)], extra: &str) -> String {
    let listed = (1..).zip(substations).map(|(at, (substation, zone, capacity))| {
        let address = substation.address;
        format!("  - {{name: s{at}, address: \"{address}\", capacity: {capacity}, labels: {{zone: {zone}}}}}\n")
    });
    let listed: String = listed.collect();
    format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\nthreads: 2\nsubstations:\n{listed}{extra}"
    )
}

fn served_by(answer: &Answer) -> &str {
    let body = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 200, "{body}");
    answer.header("x-substation").unwrap()
}

#[test]
fn a_route_selects_by_its_own_labels_or_as_all_do() {
    let all = [working("0"), working("1")];
    let extra = "select: {zone: {header: x-zone}}\nroutes:\n\
        - {path: /all, buffer: true, load: 0.01}\n\
        - {path: /field, buffer: true, load: 0.01, select: {zone: {field: zone}}}\n\
        - {path: /none, buffer: true, load: 0.01, select: {}}\n\
        - {path: /any, buffer: true, any: true}\n";
    let proxy = Proxy::ready_from(&file(&[(&all[0], "a", 100), (&all[1], "b", 100)], extra));
    let asked = |path, zone: &str, body| {
        ask_with(&proxy, ("POST", path), &format!("x-zone: {zone}\r\n"), body)
    };
    for (path, zone, body, substation) in [
        ("/all", "b", r#"{"zone": "a"}"#, "s2"),
        ("/field", "b", r#"{"zone": "a"}"#, "s1"),
        ("/field", "a", r#"{"zone": "b"}"#, "s2"),
        ("/field", "b", "no JSON", "s1"),
        ("/none", "b", "", "s1"),
        ("/any", "b", "", "s2"),
    ] {
        for _ in 0..5 {
            assert_eq!(
                served_by(&asked(path, zone, body)),
                substation,
                "{path} {body}"
            );
        }
    }
    for (path, zone, body) in [
        ("/all", "x", ""),
        ("/field", "a", r#"{"zone": "x"}"#),
        ("/any", "x", ""),
    ] {
        let unmatched = asked(path, zone, body);
        assert_eq!(
            (unmatched.status, unmatched.code().as_str()),
            (422, "no_match"),
            "{path}"
        );
        let message = "no substation has zone \"x\"; nothing was done: ask for another zone";
        assert_eq!(unmatched.message(), message);
    }
}

/// A request with this zone.
fn ask_at(address: SocketAddr, zone: &str) -> Answer {
    let headers = format!("x-zone: {zone}\r\nconnection: close\r\n");
    client::raw(address, client::request("POST", "/a", &headers, ""))
}

#[test]
fn one_that_waits_for_room_goes_by_the_routes_of_a_reload_and_what_weighs_nothing_does_not_wait() {
    // Both bear what they can, as their gauges say.
    let full = || {
        Scripted::start(|request| {
            Act::Write(if request.starts_with("GET /metrics ") {
                fault::gauge("10")
            } else {
                fault::answer("200 OK", "{}")
            })
        })
    };
    let all = [full(), full()];
    let with = |routes: &str, capacity: u32| {
        let queue =
            "admission: {queue: 10, timeout: 20s}\nselect: {zone: {header: x-zone}}\nroutes:\n";
        let none =
            "- {path: /none, load: 0, buffer: true}\n- {path: /any, any: true, buffer: true}\n";
        let extra = format!("{queue}{none}{routes}\n");
        file(&[(&all[0], "a", 10), (&all[1], "b", capacity)], &extra)
    };
    let before = "- {path: /a, buffer: true, load: 5}";
    let proxy = Proxy::ready_from(&with(before, 10));
    let waits = || proxy.metric("switchyard_admission_waiting");
    let address = proxy.charge;
    thread::scope(|scope| {
        let waiting = scope.spawn(move || ask_at(address, "a"));
        until("it waits", || (waits() == 1.0).then_some(()));
        for path in ["/none", "/any"] {
            let answer = ask_with(&proxy, ("GET", path), "", "");
            assert!(["s1", "s2"].contains(&served_by(&answer)), "{path}");
        }
        assert_eq!(waits(), 1.0);
        // The route selects by nothing now, and asks for another path; and there is room elsewhere.
        let after = "- {path: /a, buffer: true, load: 5, select: {}, upstream_path: /b}";
        std::fs::write(proxy.files.path().join("switchyard.yaml"), with(after, 100)).unwrap();
        assert_eq!(client::post(proxy.admin, "/reload", "").status, 200);
        let answer = waiting.join().unwrap();
        assert_eq!(served_by(&answer), "s2");
        assert_eq!(lines(&all[1]).pop().unwrap(), "POST /b HTTP/1.1");
    });
}
