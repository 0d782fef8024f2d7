//! Requests that name the same value stay at one substation, while that has room.

use std::collections::HashSet;

use switchyard_faults::{self as client, Act, Scripted, fault};

use super::{ask_with, start, working};
use crate::rig::Proxy;

fn three() -> [Scripted; 3] {
    ["1", "0", "2"].map(working)
}

/// The substation that answers a request with this header.
fn at(proxy: &Proxy, header: &str) -> String {
    let answer = ask_with(proxy, ("GET", "/a"), header, "");
    assert_eq!(answer.status, 200, "{}", answer.message());
    answer.header("x-substation").unwrap().to_owned()
}

#[test]
fn a_value_has_its_substation_and_values_are_spread() {
    let all = three();
    let of = all.each_ref();
    for (affinity, named) in [
        ("header: X-Session", "x-session: VALUE \r\n"),
        ("cookie: sid", "cookie: a=b; sid=VALUE; c=d\r\n"),
        ("cookie: sid", "cookie: a=sid\r\nCookie: sid=VALUE\r\n"),
    ] {
        let route = format!("path: /a, buffer: true, load: 0.001, affinity: {{{affinity}}}");
        let proxy = start(&of, &[&route], "");
        let mut used = HashSet::new();
        for value in 0..20 {
            let header = named.replace("VALUE", &format!("v{value}"));
            let first = at(&proxy, &header);
            for _ in 0..3 {
                assert_eq!(at(&proxy, &header), first, "{header}");
            }
            used.insert(first);
        }
        assert_eq!(used.len(), 3, "{used:?}");
        // Without a value the emptiest takes it.
        for none in ["", "x-session: \r\n", "cookie: sid=; sidx=1\r\n"] {
            assert_eq!(at(&proxy, none), "s2", "{none}");
        }
    }
}

#[test]
fn two_proxies_choose_alike() {
    let all = three();
    let route = "path: /a, buffer: true, load: 0.001, affinity: {header: x-session}";
    let [one, other] = [(); 2].map(|()| start(&all.each_ref(), &[route], ""));
    for value in 0..20 {
        let header = format!("x-session: v{value}\r\n");
        assert_eq!(at(&one, &header), at(&other, &header), "{value}");
    }
}

#[test]
fn when_one_leaves_only_its_own_values_move_and_they_come_back() {
    let all = three();
    let route = "path: /a, buffer: true, load: 0.001, affinity: {header: x-session}";
    let proxy = start(&all.each_ref(), &[route], "");
    let places = || -> Vec<String> {
        let headers = (0..20).map(|value| format!("x-session: v{value}\r\n"));
        headers.map(|header| at(&proxy, &header)).collect()
    };
    let command = |what: &str| {
        let path = format!("/substations/s1/{what}");
        assert_eq!(client::post(proxy.admin, &path, "").status, 200);
    };
    let before = places();
    command("drain");
    let without = places();
    for (was, is) in before.iter().zip(&without) {
        assert_ne!(is, "s1");
        assert!(was == "s1" || was == is, "{was} → {is}");
    }
    assert!(before.contains(&"s1".to_owned()), "some moved");
    command("undrain");
    assert_eq!(places(), before);
}

#[test]
fn a_substation_that_is_full_enough_passes_its_requests_on() {
    // Of a capacity of 10, two are below half and one is above.
    let all = ["4", "4", "6"].map(|load| {
        let page = format!("substation_current_load {load}\nsubstation_capacity 10\n");
        Scripted::start(move |request| {
            let is_metrics = request.starts_with("GET /metrics ");
            let body = if is_metrics { page.as_str() } else { "{}" };
            Act::Write(fault::answer("200 OK", body))
        })
    });
    let route = "path: /a, buffer: true, load: 0.001, affinity: {header: x-session, spill_at: 0.5}";
    let proxy = start(&all.each_ref(), &[route], "");
    let mut used = HashSet::new();
    for value in 0..20 {
        used.insert(at(&proxy, &format!("x-session: v{value}\r\n")));
    }
    let expected = ["s1", "s2"].map(str::to_owned);
    assert_eq!(used, HashSet::from(expected));
}
