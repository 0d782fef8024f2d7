//! Limits that come and go under traffic, on a feeder, its parent and a substation at once.

use switchyard_faults::{self as client, Answer};

use super::{
    clients::Clients,
    held::{CLIENTS, CONFIG, only_refused},
    yard::{Yard, feeders, limits},
};
use crate::{
    rig::{Proxy, until},
    upgrade::{Here, on_ports_of},
};

fn ask(proxy: &Proxy, method: &str, path: &str, body: &str) -> Answer {
    let request = client::request(method, path, "connection: close\r\n", body);
    client::raw(proxy.admin, request)
}

#[test]
fn limits_that_drop_below_the_load_under_traffic_let_nothing_more_in() {
    let yard = Yard::start(limits(400.0, 220.0, 200.0));
    let yaml = yard.yaml(&format!("{CONFIG}{}", feeders(400.0, 220.0, 200.0)));
    let here = Here::new();
    let mut proxy = here.launch(&yaml, &[]);
    proxy.wait_until_ready();
    let clients = Clients::start(CLIENTS, &yard, &[&proxy]);
    clients.reach("trafo", 399.0);
    let s3 = |most: f64| {
        let mut limits = limits(400.0, 100.0, 200.0);
        limits[5].2 = most;
        limits
    };
    let fallback = r#"{"value": 90, "source": "ems", "fallback": 50, "heartbeat": "500ms"}"#;
    for (method, path, body, now) in [
        (
            "PUT",
            "feeder7",
            r#"{"value": 150, "source": "dso"}"#,
            limits(400.0, 150.0, 200.0),
        ),
        (
            "PUT",
            "feeder7",
            r#"{"value": 100, "source": "site"}"#,
            limits(400.0, 100.0, 200.0),
        ),
        ("PUT", "s3", fallback, s3(90.0)),
        // Its source is not heard again, and other orders change nothing of that.
        ("DELETE", "feeder7?source=dso", "", s3(50.0)),
        ("PUT", "trafo", r#"{"value": 120, "source": "dso"}"#, {
            let mut limits = s3(50.0);
            limits[0].2 = 120.0;
            limits
        }),
    ] {
        yard.book().announce(now);
        let answer = ask(&proxy, method, &format!("/limits/{path}"), body);
        assert_eq!(answer.status, 200, "{}", answer.json());
        if path.starts_with("feeder7?") {
            until("the fallback", || {
                let limit = proxy.status()["substations"][2]["limit"].clone();
                (limit["fallback_in_force"] == true).then_some(())
            });
        }
        yard.book().in_force();
        clients.book(100);
        yard.held();
    }
    let told = clients.end();
    only_refused(&told);
    // They go on over an upgrade.
    let on_ports = on_ports_of(&proxy, &yaml);
    let next = here.launch(&on_ports, &["--upgrade"]);
    next.logged("took over from the old one");
    assert!(proxy.wait().success());
    yard.fill(&next, "trafo");
    yard.held();
    let gone = ask(&next, "DELETE", "/limits/trafo?source=dso", "");
    assert_eq!(gone.status, 200);
    yard.book().announce(s3(50.0));
    yard.book().in_force();
    yard.fill(&next, "s3");
    yard.fill(&next, "feeder7");
    yard.held();
    yard.agrees(&next);
}
