//! Drains that go on in the next process, after an upgrade and after a restart.

use std::{collections::HashSet, net::SocketAddr};

use nix::sys::signal::Signal;
use serde_json::Value;
use switchyard_faults as client;

use super::{drained, order};
use crate::{
    rig::{until, yaml},
    substations::Substations,
    upgrade::Here,
};

#[test]
fn an_upgrade_and_a_restart_keep_a_drain_with_its_story() {
    let substations = Substations::start(&[1e6; 2]);
    let here = Here::new();
    let state = format!(
        "state: {{file: {}}}",
        here.folder.path().join("state").display()
    );
    let mut proxy = here.first_with(&substations.addresses, &state);
    order(&proxy, "s1/drain", r#"{"reason": "new roof"}"#);
    let drain = drained(&proxy, "s1");
    let started = substations.started()[0];
    for _ in 0..3 {
        let next = here.next(&proxy, &substations.addresses, &state);
        next.logged("took over from the old one");
        until("the new process answers", || {
            (drained(&next, "s1") == drain).then_some(())
        });
        for _ in 0..5 {
            assert_eq!(next.charge("").header("x-substation"), Some("s2"));
        }
        assert!(proxy.wait().success());
        proxy = next;
    }
    proxy.signal(Signal::SIGTERM);
    assert!(proxy.wait().success());
    let proxy = here.launch(&yaml(&substations.addresses, &state), &[]);
    proxy.wait_until_ready();
    assert_eq!(drained(&proxy, "s1"), drain);
    assert_eq!(proxy.charge("").header("x-substation"), Some("s2"));
    assert_eq!(substations.started()[0], started, "nothing was sent there");
    assert_eq!(order(&proxy, "s1/undrain", "").json()["state"], "up");
    until("a charge for it", || {
        (proxy.charge("").header("x-substation") == Some("s1")).then_some(())
    });
}

/// Both processes accept at the admin port for a while. What either answers with 200 holds in the new one.
#[test]
fn no_drain_that_was_accepted_is_lost_in_an_upgrade() {
    const MANY: u16 = 3_000;
    let substations = Substations::start(&[1e6]);
    // Nothing listens at the others: they are there to be drained, one after the other.
    let mut all = substations.addresses.clone();
    let nobody = (0..MANY).map(|at| {
        SocketAddr::from((
            [127, 1, (at / 256).try_into().unwrap(), at.to_be_bytes()[1]],
            9,
        ))
    });
    all.extend(nobody);
    let rest = "load: {interval: 10m, stale_after: 1h}";
    let here = Here::new();
    let mut proxy = here.first_with(&all, rest);
    let drains = (2..MANY).map(|at| {
        let path = format!("/substations/s{at}/drain");
        let drain = client::request("POST", &path, "connection: close\r\n", "");
        (format!("s{at}"), drain)
    });
    let (next, accepted, refused) = here.next_during(&proxy, &all, rest, drains);
    assert!(proxy.wait().success());
    println!("{} accepted, {refused} refused", accepted.len());
    assert!(
        accepted.len() > 10 && refused > 0,
        "{} and {refused}",
        accepted.len()
    );
    let status = next.status();
    let draining = status["substations"].as_array().unwrap().iter();
    let draining: HashSet<_> = draining
        .filter(|one| one["drain"] != Value::Null)
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    let lost: Vec<_> = accepted
        .iter()
        .filter(|one| !draining.contains(one.as_str()))
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
}
