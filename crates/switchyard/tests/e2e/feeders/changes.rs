//! Limits that change under traffic: by a reload, over an upgrade, over a restart.

use nix::sys::signal::Signal;
use switchyard_faults::post;
use tempfile::TempDir;

use super::{
    book::Limit,
    clients::Clients,
    held::{CLIENTS, CONFIG, only_refused},
    yard::{CAPACITIES, Yard, feeders, limits},
};
use crate::{
    rig::{Proxy, replace},
    upgrade::{Here, on_ports_of},
};

/// Puts a configuration into force, and waits until some more is booked under it.
fn reload(yard: &Yard, proxy: &Proxy, clients: &Clients, yaml: &str, limits: Vec<Limit>) {
    yard.book().announce(limits);
    replace(proxy.files.path().join("switchyard.yaml"), yaml);
    let answer = post(proxy.admin, "/reload", "");
    assert_eq!(answer.status, 200, "{}", answer.json());
    yard.book().in_force();
    clients.book(100);
    yard.held();
}

/// The substations' own limits, after those of feeders.
fn with_own(mut feeders: Vec<Limit>) -> Vec<Limit> {
    let own = ["s1", "s2", "s3"].into_iter().zip(CAPACITIES).enumerate();
    feeders.extend(own.map(|(at, (name, capacity))| (name, vec![at], capacity)));
    feeders
}

#[test]
fn over_reloads_that_move_substations_and_feeders_no_limit_is_exceeded() {
    let first = feeders(400.0, 220.0, 200.0);
    let yard = Yard::start(limits(400.0, 220.0, 200.0));
    let usual = yard.yaml(&format!("{CONFIG}{first}"));
    let proxy = Proxy::ready_from(&usual);
    let clients = Clients::start(CLIENTS, &yard, &[&proxy]);
    clients.book(300);
    for _ in 0..2 {
        // s2 moves to the other feeder.
        let yaml = yard.yaml_on(
            ["feeder7", "feeder8", "feeder8"],
            &format!("{CONFIG}{first}"),
        );
        let moved = vec![
            ("trafo", vec![0, 1, 2], 400.0),
            ("feeder7", vec![0], 220.0),
            ("feeder8", vec![1, 2], 200.0),
        ];
        reload(&yard, &proxy, &clients, &yaml, with_own(moved));
        // A feeder is added between it and the transformer.
        let more = format!("{CONFIG}{first}  - {{name: feeder9, parent: feeder8, capacity: 60}}\n");
        let yaml = yard.yaml_on(["feeder7", "feeder9", "feeder8"], &more);
        let added = vec![
            ("trafo", vec![0, 1, 2], 400.0),
            ("feeder7", vec![0], 220.0),
            ("feeder8", vec![1, 2], 200.0),
            ("feeder9", vec![1], 60.0),
        ];
        reload(&yard, &proxy, &clients, &yaml, with_own(added));
        // It is gone again; then the transformer holds less than is in use, and more again. One thing at a time: the book
        // can't tell a charge that was on its way by the old limits from one that passes the new ones.
        for trafo in [400.0, 250.0, 400.0] {
            let now = feeders(trafo, 220.0, 200.0);
            let yaml = yard.yaml_on(["feeder7", "", "feeder8"], &format!("{CONFIG}{now}"));
            let apart = vec![
                ("trafo", vec![0, 2], trafo),
                ("feeder7", vec![0], 220.0),
                ("feeder8", vec![2], 200.0),
            ];
            reload(&yard, &proxy, &clients, &yaml, with_own(apart));
        }
        reload(&yard, &proxy, &clients, &usual, limits(400.0, 220.0, 200.0));
    }
    only_refused(&clients.end());
    yard.fill(&proxy, "trafo");
    yard.held();
    yard.agrees(&proxy);
}

/// A yard whose feeder8 has a meter, which sees a house.
fn with_meter() -> (Yard, String) {
    let yard = Yard::start(limits(400.0, 220.0, 200.0));
    yard.book().set_houses("feeder8", 30.0);
    let feeders = yard.metered(400.0, 220.0, 200.0);
    let yaml = yard.yaml(&format!("{CONFIG}{feeders}"));
    (yard, yaml)
}

#[test]
fn over_upgrades_no_limit_is_exceeded_and_all_room_is_used() {
    let (yard, yaml) = with_meter();
    let here = Here::new();
    let mut old = here.launch(&yaml, &[]);
    old.wait_until_ready();
    let clients = Clients::start(CLIENTS, &yard, &[&old]);
    clients.book(300);
    for _ in 0..3 {
        let new = here.launch(&on_ports_of(&old, &yaml), &["--upgrade"]);
        new.logged("took over from the old one");
        clients.book(200);
        assert!(old.wait().success());
        old = new;
    }
    only_refused(&clients.end());
    yard.fill(&old, "feeder7");
    yard.fill(&old, "feeder8");
    yard.held();
    yard.agrees(&old);
}

#[test]
fn over_restarts_with_a_state_file_no_limit_is_exceeded_and_all_room_is_used() {
    let (yard, yaml) = with_meter();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("state");
    let yaml = format!(
        "{yaml}state: {{file: {}, interval: 100ms}}\n",
        file.display()
    );
    let mut proxy = Proxy::ready_from(&yaml);
    let clients = Clients::start(CLIENTS, &yard, &[&proxy]);
    clients.book(300);
    for end in [Signal::SIGTERM, Signal::SIGKILL, Signal::SIGTERM] {
        proxy.signal(end);
        proxy.wait();
        proxy = Proxy::ready_from(&on_ports_of(&proxy, &yaml));
        clients.book(200);
    }
    clients.end();
    yard.fill(&proxy, "feeder7");
    yard.fill(&proxy, "feeder8");
    yard.held();
    yard.agrees(&proxy);
}
