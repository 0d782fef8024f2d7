//! Markup in everything that comes from outside: the page shows it as text, and nothing runs.
//!
//! The configuration rejects such names, so no real proxy sends them, but the page must not rely on
//! that. So here the real page gets its snapshots from a hostile port.

use serde_json::{Value, json};
use switchyard_faults::{self as client, Act, Scripted};

use crate::{browser::Browser, rig::Proxy, substations::Substations};

const NAME: &str =
    "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">";

/// Replaces every text of a real snapshot.
fn poison(snapshot: &mut Value) {
    match snapshot {
        Value::String(text) => NAME.clone_into(text),
        Value::Array(values) => values.iter_mut().for_each(poison),
        Value::Object(fields) => {
            for (key, value) in fields {
                // The page chooses styles by the level and does not show it.
                if key != "level" {
                    poison(value);
                }
            }
        }
        _ => {}
    }
}

/// One event of the real stream.
pub(crate) fn snapshot(proxy: &Proxy) -> Value {
    let mut connection = client::Connection::open(proxy.admin);
    connection.send(client::request("GET", "/events", "", ""));
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(connection.0));
    let event = lines.find_map(|line| line.unwrap().strip_prefix("data: ").map(str::to_owned));
    serde_json::from_str(&event.unwrap()).unwrap()
}

/// A port that serves the proxy's page, with this snapshot instead of the proxy's.
pub(crate) fn pretend(proxy: &Proxy, snapshot: Value) -> Scripted {
    let admin = proxy.admin;
    Scripted::start(move |request| {
        let path = request.split(' ').nth(1).unwrap();
        let mut bytes = Vec::new();
        if path == "/events" {
            bytes.extend(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
            bytes.extend(format!("data: {snapshot}\n\n").bytes());
            return Act::Write(bytes);
        }
        let answer = client::get(admin, path);
        bytes.extend(format!("HTTP/1.1 {} OK\r\n", answer.status).bytes());
        for (name, value) in &answer.headers {
            if !name.eq_ignore_ascii_case("connection") {
                bytes.extend(format!("{name}: {value}\r\n").bytes());
            }
        }
        bytes.extend(b"\r\n");
        bytes.extend(answer.body);
        Act::Write(bytes)
    })
}

#[test]
fn markup_in_names_reasons_and_faults_is_shown_as_text() {
    let substations = Substations::start(&[100.0, 100.0]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    proxy.charge("");
    let mut snapshot = snapshot(&proxy);
    let finding = json!({"level": "trouble", "text": "x"});
    snapshot["verdict"]["findings"] = json!([finding, finding]);
    snapshot["traffic"]["errors"] = json!([["no_capacity", 1.0]]);
    snapshot["configuration"]["last_reload"] =
        json!({"unix_seconds": 1e9, "success": false, "faults": ["x"], "changes": []});
    snapshot["substations"][0]["note"] = json!("x");
    let limit = json!({"value": 1.0, "source": "x", "until": "x", "fallback_in_force": false});
    snapshot["feeders"] = json!([{
        "name": "x", "state": "x", "load": 1.0, "capacity": 2.0, "estimate": 1.0, "age_seconds": null, "limit": limit,
    }]);
    poison(&mut snapshot);
    let hostile = pretend(&proxy, snapshot);
    let Some(browser) = Browser::open(hostile.address) else {
        return;
    };
    browser.click("#choices button");
    browser.click("#rows button");
    for (shown, least) in [
        ("#rows th", 1),
        ("#sentence", 1),
        ("#findings li", 2),
        ("#reload li", 1),
        ("#choices .to", 1),
        ("#tree .name", 1),
        ("#tree .tag", 1),
        ("#confirm-title", 1),
    ] {
        let script = format!(
            "return [...document.querySelectorAll('{shown}')].filter((node) => node.textContent.includes('<script>')).length"
        );
        assert!(browser.run(&script).as_u64().unwrap() >= least, "{shown}");
    }
    assert_eq!(
        browser.run("return document.querySelectorAll('img, main script').length"),
        0
    );
    assert_ne!(browser.run("return document.title"), "owned");
    browser.is_clean();
}

#[test]
fn the_content_security_policy_stops_an_injected_script() {
    let substations = Substations::start(&[100.0]);
    let proxy = Proxy::start(&substations.addresses, "");
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    browser.run(&format!(
        "document.body.insertAdjacentHTML('beforeend', {})",
        json!(NAME)
    ));
    browser.run("const script = document.createElement('script'); script.textContent = \"document.title = 'owned'\"; document.body.append(script)");
    browser.run(
        "fetch('http://127.0.0.1:9/').catch(() => (document.body.dataset.fetched = 'refused'))",
    );
    browser.until(
        "the policy has refused it",
        "return document.body.dataset.fetched === 'refused'",
    );
    assert_ne!(browser.run("return document.title"), "owned");
    browser.is_clean_but_for(|message| {
        message.contains("Content Security Policy") || message.contains("404")
    });
}
