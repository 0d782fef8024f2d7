//! Who may ask, how much, and whose session is whose.

mod asking;
mod carried;
mod certificates;
mod limits;
mod ownership;
mod reloads;

use std::{fmt::Write as _, net::SocketAddr};

use switchyard_faults::{self as client, Answer};

/// The SHA-256 of `token-of-depot`, as `printf %s token-of-depot | sha256sum` prints it.
pub(crate) const DEPOT: &str = "c88aca07efd3bd5f187d5cd29b82405029d4a741307ce1e8da97df21735a8e6f";
/// The same of `token-of-fleet`.
pub(crate) const FLEET: &str = "3884563a8e196affd234dea0f5d07b1124512d3b91ccba1c1bb8e0c1bde1cee7";
pub(crate) const CHARGE: &str = r#"{"power_kw": 11}"#;

/// The SHA-256 of a token, in hexadecimal.
pub(crate) fn hash_of(token: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, token.as_bytes());
    let mut text = String::new();
    for byte in digest.as_ref() {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

/// The clients `depot` and `fleet` by their tokens, with these further keys.
pub(crate) fn two(of_depot: &str, of_fleet: &str) -> String {
    let of = |name: &str, hash: &str, more: &str| {
        format!("{{name: {name}, token_sha256: {hash}{more}}}")
    };
    format!(
        "clients: [{}, {}]",
        of("depot", DEPOT, of_depot),
        of("fleet", FLEET, of_fleet)
    )
}

/// Asks with the token of a client, or with none, on a connection of its own.
pub(crate) fn ask(
    address: SocketAddr,
    name: &str,
    (method, path, body): (&str, &str, &str),
) -> Answer {
    ask_with(address, name, "", (method, path, body))
}

pub(crate) fn ask_with(
    address: SocketAddr,
    name: &str,
    headers: &str,
    (method, path, body): (&str, &str, &str),
) -> Answer {
    let token = match name {
        "" => String::new(),
        name => format!("authorization: Bearer token-of-{name}\r\n"),
    };
    let headers = format!("{token}{headers}connection: close\r\n");
    client::raw(address, client::request(method, path, &headers, body))
}

/// A charge of a client.
pub(crate) fn charge(address: SocketAddr, name: &str) -> Answer {
    ask(address, name, ("POST", "/request_charge", CHARGE))
}

/// The id of the session that was booked.
pub(crate) fn session_of(booked: &Answer) -> String {
    assert_eq!(booked.status, 200, "{booked:?}");
    booked.json()["session_id"].as_str().unwrap().to_owned()
}
