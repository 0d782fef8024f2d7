//! What differs between two lists of clients. Never a hash of a token.

use std::collections::HashMap;

use switchyard_config::Client;

use super::bounded_of;

/// The differences from `before` to `now`, one line each.
pub(super) fn between(before: &[Client], now: &[Client]) -> Vec<String> {
    if before == now {
        return Vec::new();
    }
    let by_name = |all: &'_ [Client]| -> HashMap<String, Client> {
        let named = all.iter().map(|one| (one.name.clone(), one.clone()));
        named.collect()
    };
    let (were, are) = (by_name(before), by_name(now));
    let added = now.iter().filter(|one| !were.contains_key(&one.name));
    let removed = before.iter().filter(|one| !are.contains_key(&one.name));
    let changed = now.iter().filter_map(|is| {
        let was = were.get(&is.name)?;
        let changes = changes(was, is);
        (!changes.is_empty()).then(|| format!("client {}: {}", is.name, changes.join(", ")))
    });
    let line = |what: &'static str| move |one: &Client| format!("client {} {what}", one.name);
    let bounded = |lines: Vec<String>, what| bounded_of("clients", lines.into_iter(), what);
    let mut lines = bounded(added.map(line("added")).collect(), "added");
    lines.extend(bounded(removed.map(line("removed")).collect(), "removed"));
    lines.extend(bounded(changed.collect(), "changed"));
    lines
}

fn changes(was: &Client, is: &Client) -> Vec<String> {
    fn shown<T: ToString>(value: Option<T>) -> String {
        value.map_or_else(|| "none".to_owned(), |value| value.to_string())
    }
    let of =
        |key: &str, was: String, is: String| (was != is).then(|| format!("{key} {was} → {is}"));
    let token = (was.token_sha256 != is.token_sha256).then(|| "another token".to_owned());
    let name = |client: &Client| shown(client.certificate_name.as_ref());
    let certificate = of("certificate_name", name(was), name(is));
    let rate = of("rate", shown(was.rate), shown(is.rate));
    let burst = of("burst", shown(was.burst), shown(is.burst));
    let load = of("load", shown(was.load), shown(is.load));
    let all = [token, certificate, rate, burst, load];
    all.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(yaml: &str) -> Vec<Client> {
        Client::list(yaml, "test").unwrap()
    }

    #[test]
    fn each_difference_is_a_line_and_no_line_has_a_hash() {
        let hash = |digit: &str| format!("{digit}f").repeat(32);
        let before = listed(&format!(
            "[{{name: a, token_sha256: {}, rate: 5/s}}, {{name: b, token_sha256: {}}}]",
            hash("1"),
            hash("2")
        ));
        let now = listed(&format!(
            "[{{name: a, token_sha256: {}, rate: 6/s, load: 50}}, {{name: c, token_sha256: {}}}]",
            hash("3"),
            hash("2")
        ));
        let lines = between(&before, &now);
        let expected = [
            "client c added",
            "client b removed",
            "client a: another token, rate 5/s → 6/s, load none → 50",
        ];
        assert_eq!(lines, expected);
        assert!(between(&now, &now).is_empty());
    }
}
