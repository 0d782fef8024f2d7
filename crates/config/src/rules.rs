//! What must hold between two keys.

use super::{Config, clients, error::Fault, files, show::bytes as in_bytes};
use humantime::format_duration as shown;
use std::net::SocketAddr;

/// Notes every pair of values that contradict each other.
///
/// A key that already has a fault is skipped: its value here is the default and not what the file says.
#[expect(clippy::too_many_lines, reason = "one list of rules")]
pub(super) fn check(config: &Config, faults: &mut Vec<Fault>) {
    let Config {
        listen,
        tls,
        http2,
        admin,
        load,
        timeouts,
        limits,
        health,
        ..
    } = config;

    let either = ["substations", "discovery"];
    if config.substations.is_empty()
        && config.discovery.is_empty()
        && !faults
            .iter()
            .any(|fault| either.iter().any(|key| fault.path.starts_with(key)))
    {
        faults.push(Fault {
            path: "discovery".to_owned(),
            value: String::new(),
            rule: "names no source, and there are no `substations`: write one of either, as in \
                   `discovery: {file_sd: [targets.json]}`"
                .to_owned(),
            line: None,
        });
    }
    files::check(config, faults);
    let clashing = listen.iter().find(|listen| clash(**listen, admin.listen));
    require(
        clashing.is_none(),
        ["admin.listen", "listen"],
        faults,
        || {
            let listen = clashing.map(ToString::to_string).unwrap_or_default();
            let rule = format!("is the address of `listen` ({listen}): choose another port");
            (format!("{:?}", admin.listen.to_string()), rule)
        },
    );
    require(
        admin.listen.ip().is_loopback() || admin.token_file.is_some(),
        ["admin.listen", "admin.token_file"],
        faults,
        || {
            let rule = "must be loopback, as in 127.0.0.1:9901, unless admin.token_file is set: it takes \
                        commands, and without a token from every client that reaches it";
            (format!("{:?}", admin.listen.to_string()), rule.to_owned())
        },
    );
    // Beside other faults of the list it is not whole, and its positions are not those of the file.
    if !faults.iter().any(|fault| fault.path.starts_with("clients")) {
        clients::check_certificates(&config.clients, config.has_client_ca(), faults);
    }
    require(
        !(http2.cleartext && tls.is_some()),
        ["http2.cleartext", "tls"],
        faults,
        || {
            let rule = "is for a port without TLS; with `tls`, clients negotiate HTTP/2 by themselves: remove it";
            ("true".to_owned(), rule.to_owned())
        },
    );
    let interval_key = load.interval_key();
    require(
        load.stale_after.is_none_or(|age| age >= load.interval()),
        ["load.stale_after", interval_key],
        faults,
        || {
            let interval = shown(load.interval());
            let rule = format!(
                "must be {interval_key} ({interval}) or more, or every sample would be stale"
            );
            let age = load.stale_after.unwrap_or_default();
            (format!("{:?}", shown(age).to_string()), rule)
        },
    );
    require(
        health.longest_ejection >= health.ejection,
        ["health.longest_ejection", "health.ejection"],
        faults,
        || {
            let first = shown(health.ejection);
            let rule = format!("must be health.ejection ({first}) or more, which it grows from");
            (
                format!("{:?}", shown(health.longest_ejection).to_string()),
                rule,
            )
        },
    );
    require(
        limits.buffered >= limits.head + limits.body,
        ["limits.buffered", "limits.body"],
        faults,
        || {
            let rule = format!(
                "must be limits.head and limits.body together ({}) or more, or no request of that size could arrive",
                in_bytes(limits.head + limits.body)
            );
            (format!("{:?}", in_bytes(limits.buffered)), rule)
        },
    );
    require(
        timeouts.request >= timeouts.connect,
        ["timeouts.request", "timeouts.connect"],
        faults,
        || {
            let connect = shown(timeouts.connect);
            let rule =
                format!("must be timeouts.connect ({connect}) or more, since it includes it");
            (format!("{:?}", shown(timeouts.request).to_string()), rule)
        },
    );
}

/// Notes a fault at the first of `keys`, unless the rule `holds` or either key already has a fault.
fn require(
    holds: bool,
    keys: [&str; 2],
    faults: &mut Vec<Fault>,
    fault: impl FnOnce() -> (String, String),
) {
    if holds
        || faults
            .iter()
            .any(|fault| keys.contains(&fault.path.as_str()))
    {
        return;
    }
    let (value, rule) = fault();
    let [path, _] = keys;
    faults.push(Fault {
        path: path.to_owned(),
        value,
        rule,
        line: None,
    });
}

/// Whether two listeners need the same port of the same interface.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let everywhere = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && (a.ip() == b.ip() || everywhere)
}
