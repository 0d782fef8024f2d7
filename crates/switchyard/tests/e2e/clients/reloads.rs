//! Clients come, go and change while the proxy runs.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use nix::sys::signal::Signal;
use switchyard_faults::{self as client, Connection};

use super::{CHARGE, DEPOT, FLEET, ask, charge, hash_of, session_of};
use crate::{
    rig::{Proxy, replace, until},
    substations::Substations,
    upgrade::same_ports,
};

fn list(clients: &[(&str, &str, &str)]) -> String {
    let line = |(name, hash, more): &(&str, &str, &str)| {
        format!("- {{name: {name}, token_sha256: {hash}{more}}}\n")
    };
    clients.iter().map(line).collect()
}

/// A proxy with its clients in a file beside the configuration.
fn start(substations: &Substations, clients: &str) -> (Proxy, PathBuf) {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.keep().join("clients.yaml");
    fs::write(&file, clients).unwrap();
    let extra = format!("clients_file: {}", file.display());
    (Proxy::start(&substations.addresses, &extra), file)
}

#[test]
fn a_file_of_clients_is_read_again_when_it_changes() {
    let substations = Substations::start(&[1e6]);
    let (proxy, file) = start(&substations, &list(&[("depot", DEPOT, "")]));
    assert_eq!(
        [
            charge(proxy.charge, "depot").status,
            charge(proxy.charge, "fleet").status
        ],
        [200, 401]
    );
    replace(&file, list(&[("depot", DEPOT, ""), ("fleet", FLEET, "")]));
    proxy.logged("client fleet added");
    assert_eq!(
        [
            charge(proxy.charge, "depot").status,
            charge(proxy.charge, "fleet").status
        ],
        [200, 200]
    );
    replace(&file, list(&[("fleet", FLEET, ", rate: 1/h")]));
    proxy.logged("client depot removed");
    assert_eq!(charge(proxy.charge, "depot").status, 401);
    // What it has used before counts no more: its bucket was full.
    assert_eq!(
        [
            charge(proxy.charge, "fleet").status,
            charge(proxy.charge, "fleet").status
        ],
        [200, 429]
    );
    let page = String::from_utf8(proxy.get("/metrics").body).unwrap();
    assert!(!page.contains("client=\"depot\""), "it has no series");
}

#[test]
fn a_file_with_a_fault_changes_nothing_and_says_where() {
    let substations = Substations::start(&[1e6]);
    let (proxy, file) = start(&substations, &list(&[("depot", DEPOT, "")]));
    let twice = list(&[("depot", DEPOT, ""), ("depot", FLEET, "")]);
    let same = list(&[("depot", DEPOT, ""), ("fleet", DEPOT, "")]);
    for (text, words) in [
        (
            "- {name: depot, token_sha256: the-token-itself}\n",
            &["clients[0].token_sha256", "sha256sum"][..],
        ),
        (&twice, &["clients[1].name", "already"]),
        (
            &same,
            &["clients[1].token_sha256", "clients[0].token_sha256"],
        ),
        ("[]\n", &["clients", "has no client"]),
        (
            "- {name: depot, certificate_name: a}\n",
            &["clients[0].certificate_name", "tls.client_ca"],
        ),
        ("- {name: [\n", &["line 1"]),
    ] {
        replace(&file, text);
        let refused = proxy.logged("Reload refused");
        for word in words.iter().copied().chain(["clients.yaml"]) {
            assert!(refused.contains(word), "{word}: {refused}");
        }
        for secret in ["the-token-itself", DEPOT, FLEET] {
            assert!(!refused.contains(secret), "{refused}");
        }
        assert_eq!(charge(proxy.charge, "depot").status, 200);
    }
    fs::remove_file(&file).unwrap();
    let refused = proxy.logged("Reload refused");
    assert!(refused.contains("clients.yaml"), "{refused}");
    assert_eq!(charge(proxy.charge, "depot").status, 200);
    let mended = list(&[("depot", DEPOT, ""), ("fleet", FLEET, "")]);
    replace(&file, mended);
    proxy.logged("client fleet added");
    assert_eq!(charge(proxy.charge, "fleet").status, 200);
}

#[test]
fn under_load_other_clients_come_and_go_and_a_token_changes_without_a_wrong_answer() {
    let substations = Substations::start(&[1e9]);
    let (proxy, file) = start(&substations, &list(&[("depot", DEPOT, "")]));
    let (address, stop) = (proxy.charge, Arc::new(AtomicBool::new(false)));
    let asked = Arc::new(AtomicUsize::new(0));
    let load: Vec<_> = (0..3)
        .map(|_| {
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            thread::spawn(move || {
                let token = "authorization: Bearer token-of-depot\r\n";
                let request = client::request("POST", "/request_charge", token, CHARGE);
                let mut connection = Connection::open(address);
                while !stop.load(SeqCst) {
                    connection.send(&request);
                    assert_eq!(connection.answer().status, 200);
                    asked.fetch_add(1, SeqCst);
                }
            })
        })
        .collect();
    for round in 0..10 {
        let before = asked.load(SeqCst);
        let token = format!("token-of-round{round}");
        replace(
            &file,
            list(&[("depot", DEPOT, ""), ("round", &hash_of(&token), "")]),
        );
        proxy.signal(Signal::SIGHUP);
        let name = format!("round{round}");
        until("its token counts", || {
            (charge(address, &name).status == 200).then_some(())
        });
        if round > 0 {
            let gone = format!("round{}", round - 1);
            assert_eq!(charge(address, &gone).status, 401, "the old token");
        }
        until("others go on", || {
            (asked.load(SeqCst) > before + 20).then_some(())
        });
    }
    stop.store(true, SeqCst);
    for one in load {
        one.join().unwrap();
    }
}

#[test]
fn clients_come_and_go_with_the_configuration() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, "");
    let file = proxy.files.path().join("switchyard.yaml");
    let set = |extra: &str| {
        let text = same_ports(&proxy, &substations.addresses, extra);
        replace(&file, text);
        proxy.signal(Signal::SIGHUP);
        proxy.logged("Configuration reloaded");
    };
    assert_eq!(charge(proxy.charge, "").status, 200);
    set(&super::two(", load: 15", ""));
    assert_eq!(charge(proxy.charge, "").status, 401);
    let id = session_of(&charge(proxy.charge, "depot"));
    assert_eq!(charge(proxy.charge, "depot").status, 429);
    set("");
    assert_eq!(charge(proxy.charge, "").status, 200);
    set(&super::two(", load: 15", ""));
    // What it has and whose it is outlives that.
    assert_eq!(charge(proxy.charge, "depot").status, 429);
    let path = format!("/sessions/{id}");
    assert_eq!(ask(proxy.charge, "fleet", ("GET", &path, "")).status, 404);
    assert_eq!(
        ask(proxy.charge, "depot", ("DELETE", &path, "")).status,
        200
    );
    assert_eq!(charge(proxy.charge, "depot").status, 200);
}
