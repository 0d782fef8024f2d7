//! What is no longer used is given back, without a request that would lead to it.

use std::{fs, net::SocketAddr, thread};

use switchyard_faults::{
    Act, Connection, Scripted,
    fault::{booked, gauge},
    request,
};

use crate::rig::{Proxy, until};

/// How many clients charge at once.
const CLIENTS: usize = 60;

/// The proxy's sockets to this address that are open, and how many of them the other end has closed.
fn sockets(proxy: &Proxy, to: SocketAddr) -> (usize, usize) {
    let table = fs::read_to_string(format!("/proc/{}/net/tcp", proxy.id())).unwrap();
    let port = format!(":{:04X}", to.port());
    let states = table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(2);
        let remote = fields.next()?;
        remote
            .ends_with(&port)
            .then(|| fields.next().unwrap().to_owned())
    });
    // 01 is ESTABLISHED, 08 is CLOSE_WAIT: the other end has closed, and this one has not.
    let states: Vec<_> = states.filter(|s| s == "01" || s == "08").collect();
    let half_closed = states.iter().filter(|state| *state == "08").count();
    (states.len(), half_closed)
}

/// A charge from each client at once, so that as many connections to the substation are made.
fn rush(proxy: &Proxy) {
    let charge = request("POST", "/request_charge", "", "");
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|_| Connection::open(proxy.charge))
        .collect();
    for client in &mut clients {
        client.send(&charge);
    }
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
}

/// Answers charges slowly enough that they overlap.
fn substation(end: impl Fn(Vec<u8>) -> Act + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |head| {
        if head.starts_with("GET") {
            return Act::Write(gauge("0"));
        }
        thread::sleep(std::time::Duration::from_millis(100));
        end(booked())
    })
}

#[test]
fn connections_that_a_substation_has_closed_are_closed_without_a_request() {
    let closes = substation(Act::WriteAndClose);
    let proxy = Proxy::start(&[closes.address], "upstream: {pipeline: off}");
    rush(&proxy);
    until("no socket is half-closed", || {
        (sockets(&proxy, closes.address).1 == 0).then_some(())
    });
    // The scraper's is open.
    assert!(sockets(&proxy, closes.address).0 <= 1);
}

#[test]
fn connections_that_a_rush_has_left_are_closed_without_a_request() {
    let keeps = substation(Act::Write);
    let proxy = Proxy::start(&[keeps.address], "upstream: {pipeline: off}");
    rush(&proxy);
    assert!(sockets(&proxy, keeps.address).0 > CLIENTS / 2);
    until("only the scraper's is open", || {
        (sockets(&proxy, keeps.address).0 <= 1).then_some(())
    });
}
