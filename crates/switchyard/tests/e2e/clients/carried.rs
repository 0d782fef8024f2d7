//! What is known of clients outlives the process.

use std::path::Path;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::{ask, charge, session_of, two};
use crate::{
    rig::Proxy,
    substations::Substations,
    upgrade::{Here, same_ports},
};

/// The rate of `depot` leaves one request; its load leaves room for one charge more.
const OF_DEPOT: &str = ", rate: 4/h, burst: 4, load: 22";

/// Books one session, and uses two more of the rate.
fn use_up(proxy: &Proxy) -> String {
    let id = session_of(&charge(proxy.charge, "depot"));
    let path = format!("/sessions/{id}");
    for _ in 0..2 {
        assert_eq!(ask(proxy.charge, "depot", ("GET", &path, "")).status, 200);
    }
    id
}

/// What the next process knows of that.
fn goes_on(proxy: &Proxy, id: &str) {
    assert_eq!(
        proxy.metric("switchyard_client_load{client=\"depot\"}"),
        11.0
    );
    let path = format!("/sessions/{id}");
    for method in ["GET", "DELETE"] {
        assert_eq!(
            ask(proxy.charge, "fleet", (method, &path, "")).status,
            404,
            "{method}"
        );
    }
    let ended = ask(proxy.charge, "depot", ("DELETE", &path, ""));
    assert_eq!(ended.status, 200, "the last of its burst");
    assert_eq!(
        proxy.metric("switchyard_client_load{client=\"depot\"}"),
        0.0
    );
    assert_eq!(charge(proxy.charge, "depot").status, 429);
    assert_eq!(charge(proxy.charge, "fleet").status, 200);
}

#[test]
fn an_upgrade_keeps_rates_loads_and_owners() {
    let substations = Substations::start(&[1e6]);
    let (here, extra) = (Here::new(), two(OF_DEPOT, ""));
    let mut first = here.first_with(&substations.addresses, &extra);
    let id = use_up(&first);
    let next = here.next(&first, &substations.addresses, &extra);
    next.logged("State taken over");
    // Until it has ended, it may take a connection and close it.
    assert!(first.wait().success());
    goes_on(&next, &id);
}

#[test]
fn a_restart_with_a_state_file_keeps_rates_loads_and_owners() {
    let substations = Substations::start(&[1e6]);
    let folder = TempDir::new().unwrap();
    let extra = with_file(folder.path());
    let mut first = Proxy::start(&substations.addresses, &extra);
    let id = use_up(&first);
    first.signal(Signal::SIGTERM);
    assert!(first.wait().success());
    let next = Proxy::launch(&same_ports(&first, &substations.addresses, &extra), |_| {});
    next.wait_until_ready();
    goes_on(&next, &id);
}

fn with_file(folder: &Path) -> String {
    let file = folder.join("state").display().to_string();
    format!(
        "{}\nstate: {{file: {file}, interval: 100ms}}",
        two(OF_DEPOT, "")
    )
}
