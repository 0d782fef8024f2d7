//! The `host` of requests to substations.

use std::fs;

use switchyard_faults::{
    Act, Scripted,
    fault::{answer, booked, gauge},
    get, raw, request,
};

use crate::rig::{Proxy, until};

fn substation() -> Scripted {
    Scripted::start(|request| {
        Act::Write(if request.starts_with("GET /metrics") {
            gauge("0")
        } else if request.starts_with("POST") {
            booked()
        } else {
            answer("200 OK", "{}")
        })
    })
}

/// The hosts of all requests of this method so far.
fn hosts(substation: &Scripted, method: &str) -> Vec<String> {
    let requests = substation.requests(method);
    let host = |request: &String| {
        let line = request.lines().find(|line| line.starts_with("host: "));
        line.unwrap_or_default().to_owned()
    };
    requests.iter().map(host).collect()
}

#[test]
fn a_substation_that_is_named_gets_its_name_as_host() {
    let (listed, found) = (substation(), substation());
    let port = listed.address.port();
    let yaml = |address: &str| {
        format!(
            "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\nload: {{interval: 20ms}}\n\
             substations: [{{name: listed, address: \"{address}\"}}]\n\
             discovery: {{file_sd: [targets.json]}}\n"
        )
    };
    let targets = format!(
        r#"[{{"targets": ["localhost:{}"], "labels": {{"name": "found"}}}}]"#,
        found.address.port()
    );
    let proxy = Proxy::launch_beside(
        &yaml(&format!("localhost:{port}")),
        &[("targets.json", &targets)],
    );
    for (name, substation) in [("listed", &listed), ("found", &found)] {
        until("a charge", || {
            assert_eq!(proxy.charge("").status, 200);
            (!substation.charges().is_empty()).then_some(())
        });
        until("a scrape", || {
            (!substation.requests("GET").is_empty()).then_some(())
        });
        let session = format!("/sessions/{name}-1");
        assert_eq!(get(proxy.charge, &session).status, 200);
        let unplug = request("DELETE", &session, "connection: close\r\n", "");
        assert_eq!(raw(proxy.charge, unplug).status, 200);
        let expected = format!("host: localhost:{}", substation.address.port());
        for method in ["POST", "GET", "DELETE"] {
            let hosts = hosts(substation, method);
            assert!(!hosts.is_empty());
            assert!(hosts.iter().all(|host| *host == expected), "{hosts:?}");
        }
    }
    // By its address from now on.
    let file = proxy.files.path().join("switchyard.yaml");
    fs::write(file, yaml(&listed.address.to_string())).unwrap();
    let expected = format!("host: {}", listed.address);
    for method in ["POST", "GET"] {
        until("the address as host", || {
            assert_eq!(proxy.charge("").status, 200);
            (hosts(&listed, method).last() == Some(&expected)).then_some(())
        });
    }
}
