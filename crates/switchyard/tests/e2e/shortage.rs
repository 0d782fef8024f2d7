//! What the proxy itself lacks is held against no substation.

use nix::sys::signal::Signal;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use switchyard_faults::{
    Act, Connection, Scripted,
    fault::{booked, gauge},
    request,
};

use crate::rig::{Proxy, until};

/// Ends every connection, so that each exchange needs a new one, and says so first: the end alone may come late.
fn closing(load: &'static str) -> Scripted {
    Scripted::start(move |request| {
        let mut answer = if request.starts_with("GET") {
            gauge(load)
        } else {
            booked()
        };
        let headers = "HTTP/1.1 200 OK\r\n".len();
        answer.splice(headers..headers, *b"connection: close\r\n");
        Act::WriteAndClose(answer)
    })
}

/// Sets how many files the proxy may open.
fn limit_files(proxy: &Proxy, current: Option<u64>) {
    let process = Pid::from_raw(proxy.id().try_into().unwrap());
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: current.or(maximum),
        maximum,
    };
    prlimit(process, Resource::Nofile, limit).unwrap();
}

#[test]
fn without_a_file_descriptor_no_substation_is_ejected_and_the_client_hears_overloaded() {
    let (first, second) = (closing("0"), closing("5"));
    let mut proxy = Proxy::start(
        &[first.address, second.address],
        "load: {interval: 20ms}\nhealth: {failures: 1}",
    );
    let charge = request("POST", "/request_charge", "", "");
    let mut clients: Vec<_> = (0..6).map(|_| Connection::open(proxy.charge)).collect();
    for client in &mut clients {
        client.send(&charge);
        assert_eq!(client.answer().status, 200);
    }
    // Below what is open, so that nothing that closes makes room.
    limit_files(&proxy, Some(4));
    for client in &mut clients {
        client.send(&charge);
        let answer = client.answer();
        assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"));
        assert!(answer.header("retry-after").is_some());
    }
    let pages = first.requests("GET").len();
    limit_files(&proxy, None);
    until("scrapes go on", || {
        (first.requests("GET").len() > pages + 2).then_some(())
    });
    assert_eq!(proxy.charge("").status, 200);
    assert!(proxy.metric("switchyard_shortages_total{resource=\"files\"}") >= 6.0);
    let counted = "switchyard_upstream_requests_total{outcome=\"shortage\",substation=\"s1\"}";
    assert_eq!(proxy.metric(counted), 6.0);
    for substation in proxy.status()["substations"].as_array().unwrap() {
        assert_eq!(substation["state"], "up");
        assert_eq!(substation["in_flight"], 0);
    }
    proxy.signal(Signal::SIGTERM);
    let lines = proxy.logged_until("Proxy stopped");
    proxy.wait();
    let count = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
    assert_eq!(count("The proxy is short of something"), 1);
    assert_eq!(count("ejected") + count("unreachable"), 0);
}

#[test]
fn a_client_that_finds_no_file_descriptor_waits_and_is_served_once_there_is_one() {
    let works = Scripted::working("0");
    let proxy = Proxy::start(&[works.address], "");
    let charge = request("POST", "/request_charge", "", "");
    limit_files(&proxy, Some(4));
    let mut clients: Vec<_> = (0..3).map(|_| Connection::open(proxy.charge)).collect();
    for client in &mut clients {
        client.send(&charge);
    }
    let short = proxy.logged("Connections can't be accepted");
    assert!(short.contains("no file descriptor is free"), "{short}");
    limit_files(&proxy, None);
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
}
