//! Whatever a balancer sends before the bytes of its client: the verdict on it is the same however it is cut, the first one
//! is the last, and a reader that was written apart finds the same client.

#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;

// Part of a crate that takes minutes to build with its dependencies; the file itself needs few.
#[path = "../../proxy/src/ingress/proxy_protocol/header.rs"]
mod header;

use header::{Found, Malformed, find};

const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A header that has arrived whole, by the words of the specification; `None` if it is none.
fn reference(bytes: &[u8]) -> Option<Found> {
    if let Some(rest) = bytes.strip_prefix(BINARY) {
        return binary(rest);
    }
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = bytes[..end].strip_suffix(b"\r")?;
    if line == b"PROXY UNKNOWN" || line.starts_with(b"PROXY UNKNOWN ") {
        return Some(Found {
            client: None,
            length: end + 1,
        });
    }
    let words: Vec<_> = str::from_utf8(line).ok()?.split(' ').collect();
    let port = |text: &str| text.parse::<u16>().ok();
    let client = match words[..] {
        ["PROXY", family, source, destination, from, to] => {
            let address = |text: &str| match family {
                "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
                "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
                _ => None,
            };
            let (source, _) = (address(source)?, address(destination)?);
            let _ = (port(from)?, port(to)?);
            Some(source.to_canonical())
        }
        _ => return None,
    };
    Some(Found {
        client,
        length: end + 1,
    })
}

fn binary(rest: &[u8]) -> Option<Found> {
    let [command, family, high, low, rest @ ..] = rest else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let rest = rest.get(..length)?;
    let found = |client| {
        Some(Found {
            client,
            length: BINARY.len() + 4 + length,
        })
    };
    let is_stream = family & 0x0f == 1;
    match command {
        0x20 => return found(None),
        0x21 => {}
        _ => return None,
    }
    let client = match family >> 4 {
        0 => return found(None),
        1 => IpAddr::from(*rest.first_chunk::<4>().filter(|_| rest.len() >= 12)?),
        2 => IpAddr::from(*rest.first_chunk::<16>().filter(|_| rest.len() >= 36)?),
        3 if rest.len() >= 216 => return found(None),
        _ => return None,
    };
    found(is_stream.then(|| client.to_canonical()))
}

fuzz_target!(|bytes: &[u8]| {
    let mut verdict = Ok(None);
    for end in 0..=bytes.len() {
        let now = find(&bytes[..end]);
        assert!(
            verdict == Ok(None) || now == verdict,
            "{verdict:?}, and with {end} bytes {now:?}"
        );
        verdict = now;
    }
    match verdict {
        Ok(Some(found)) => {
            assert!(found.length <= bytes.len());
            assert_eq!(Some(found), reference(bytes));
            let alone = find(&bytes[..found.length]);
            assert_eq!(alone, verdict, "the bytes behind it don't matter");
        }
        // What is refused here and not there has its reason in a limit or in the strictness of a parser.
        Err(Malformed) | Ok(None) => {}
    }
});
