//! Several addresses for charges: each takes them, and the next process inherits those that stay.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
};

use nix::sys::signal::Signal;
use switchyard_faults as client;

use crate::{
    rig::{Proxy, until, yaml},
    substations::Substations,
    upgrade::Here,
};

/// A configuration that listens at these addresses, with its admin port at another one.
fn listening(at: &[&str], admin: &str, substations: &[SocketAddr]) -> String {
    let list: Vec<_> = at.iter().map(|one| format!("\"{one}\"")).collect();
    let list = format!("listen: [{}]", list.join(", "));
    yaml(substations, &format!("admin: {{listen: {admin}}}")).replacen(
        "listen: 127.0.0.1:0",
        &list,
        1,
    )
}

const FREE: &str = "127.0.0.1:0";

fn charges_at(address: SocketAddr) -> bool {
    client::post(address, "/request_charge", "{}").status == 200
}

#[test]
fn every_listener_takes_charges_and_the_next_process_inherits_those_that_stay() {
    let substations = Substations::start(&[1e6]);
    let here = Here::new();
    let ipv6 = TcpListener::bind("[::1]:0").map_or(FREE, |_| "[::1]:0");
    let first = here.launch(
        &listening(&[FREE, ipv6, FREE], FREE, &substations.addresses),
        &[],
    );
    first.wait_until_ready();
    let [one, two, gone] = first.charges[..] else {
        panic!("three are configured")
    };
    assert!([one, two, gone].into_iter().all(charges_at));

    let [one, two] = [one, two].map(|address| address.to_string());
    let admin = first.admin.to_string();
    // In another order, with a new one instead of the last.
    let next = listening(&[FREE, &two, &one], &admin, &substations.addresses);
    let next = here.launch(&next, &["--upgrade"]);
    next.logged("took over from the old one");
    let [new, ..] = next.charges[..] else {
        panic!("three are configured")
    };
    assert_eq!(next.charges[1..], [first.charges[1], first.charges[0]]);
    assert!(next.charges.iter().all(|address| charges_at(*address)));
    assert_ne!(new, gone);
    until("the address that is no more configured is closed", || {
        TcpStream::connect(gone).is_err().then_some(())
    });
    assert_eq!(substations.started(), [6]);
}

#[test]
fn a_reload_says_that_the_addresses_stay_until_a_restart() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::ready_from(&listening(&[FREE, FREE], FREE, &substations.addresses));
    let file: PathBuf = proxy.files.path().join("switchyard.yaml");
    let text = listening(
        &["127.0.0.1:0", "127.0.0.2:7"],
        FREE,
        &substations.addresses,
    );
    fs::write(&file, format!("{text}\nlisten_proxy_protocol: true\n")).unwrap();
    let answer = client::post(proxy.admin, "/reload", "");
    let body = String::from_utf8(answer.body).unwrap();
    assert_eq!(answer.status, 200, "{body}");
    for line in [
        "listen: 127.0.0.1:0, 127.0.0.1:0 stays until a restart, then 127.0.0.1:0, 127.0.0.2:7",
        "listen_proxy_protocol: false stays until a restart, then true",
    ] {
        assert!(body.contains(line), "{body}");
    }
    proxy.signal(Signal::SIGHUP);
    assert!(proxy.charges.iter().all(|address| charges_at(*address)));
}
