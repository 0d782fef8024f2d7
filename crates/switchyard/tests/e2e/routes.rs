//! Routes whose requests are short messages: they take the way of charges, each as its route says.

mod affinity;
mod bounded;
mod chosen;
mod told;
mod ways;

use switchyard_faults::{self as client, Act, Answer, Scripted, fault};

use crate::rig::Proxy;

/// Answers everything with 200 and a gauge that always shows this load.
fn working(gauge: &'static str) -> Scripted {
    Scripted::start(move |request| {
        Act::Write(if request.starts_with("GET /metrics ") {
            fault::gauge(gauge)
        } else {
            fault::answer("200 OK", "{}")
        })
    })
}

/// A proxy before these substations with these routes, each as the file writes it, and whatever else the file has.
fn start(substations: &[&Scripted], routes: &[&str], extra: &str) -> Proxy {
    let addresses: Vec<_> = substations.iter().map(|one| one.address).collect();
    Proxy::start(&addresses, &with_routes(routes, extra))
}

fn with_routes(routes: &[&str], extra: &str) -> String {
    let routes: Vec<_> = routes
        .iter()
        .map(|route| format!("  - {{{route}}}\n"))
        .collect();
    format!("routes:\n{}{extra}", routes.concat())
}

/// A request on a connection of its own.
fn ask(proxy: &Proxy, method: &str, path: &str, body: &str) -> Answer {
    ask_with(proxy, (method, path), "", body)
}

fn ask_with(proxy: &Proxy, (method, path): (&str, &str), headers: &str, body: &str) -> Answer {
    let headers = format!("{headers}connection: close\r\n");
    client::raw(proxy.charge, client::request(method, path, &headers, body))
}

/// The first lines of the requests that a substation got, but for its metrics.
fn lines(substation: &Scripted) -> Vec<String> {
    let all = substation.requests("").into_iter();
    let lines = all.map(|request| request.lines().next().unwrap().to_owned());
    lines.filter(|line| !line.contains("/metrics")).collect()
}

/// The load of the last choice.
fn last_load(proxy: &Proxy) -> f64 {
    let decisions = proxy.get("/decisions?limit=1").json();
    let last = decisions["decisions"].get(0);
    let last = last.unwrap_or_else(|| panic!("{decisions}"));
    last["load"].as_f64().unwrap_or_else(|| panic!("{last}"))
}
