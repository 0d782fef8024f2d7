//! Every header of both versions, cut and split everywhere, and bytes that are none.

use proptest::prelude::*;

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A header of version 2: the byte of version and command, the byte of family and protocol, and what follows its length.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [BINARY, &[command, family], &length, rest].concat()
}

/// Source and destination of these octets, and the two ports.
fn pair(source: &[u8], destination: &[u8]) -> Vec<u8> {
    [source, destination, &[0xcb, 0x20, 0, 80]].concat()
}

fn ipv6(last: u8) -> [u8; 16] {
    [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]
}

/// Headers, and whom each names.
fn valid() -> Vec<(Vec<u8>, Option<IpAddr>)> {
    let ipv4 = pair(&[192, 0, 2, 7], &[10, 0, 0, 1]);
    let mapped = pair(
        &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7],
        &ipv6(1),
    );
    // ALPN, a checksum (which TCP has already), a name, and something unknown.
    let extras = [
        &[1, 0, 2][..],
        b"h2",
        &[3, 0, 4, 1, 2, 3, 4],
        &[2, 0, 1],
        b"x",
        &[0xe0, 0, 0],
    ]
    .concat();
    let many = [&ipv4[..], &[4, 0x0f, 0xe1], &[b'x'; 0xfe1]].concat();
    assert_eq!(BINARY_START + many.len(), LONGEST_BINARY);
    let text = |line: &str| [line.as_bytes(), b"\r\n"].concat();
    let widest = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255";
    vec![
        (
            text("PROXY TCP4 192.0.2.7 10.0.0.1 52000 80"),
            Some(address("192.0.2.7")),
        ),
        (
            text("PROXY TCP6 2001:db8::7 2001:db8::1 52000 80"),
            Some(address("2001:db8::7")),
        ),
        (
            text(&format!("PROXY TCP6 {widest} ::1 65535 65535")),
            Some(address(widest)),
        ),
        (
            text("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2"),
            Some(address("192.0.2.7")),
        ),
        (text("PROXY UNKNOWN"), None),
        (text(&format!("PROXY UNKNOWN {}", "x".repeat(91))), None),
        (binary(0x21, 0x11, &ipv4), Some(address("192.0.2.7"))),
        (
            binary(0x21, 0x11, &[&ipv4[..], &extras].concat()),
            Some(address("192.0.2.7")),
        ),
        (binary(0x21, 0x11, &many), Some(address("192.0.2.7"))),
        (
            binary(0x21, 0x21, &pair(&ipv6(7), &ipv6(1))),
            Some(address("2001:db8::7")),
        ),
        (binary(0x21, 0x21, &mapped), Some(address("192.0.2.7"))),
        // UDP, a Unix socket, nothing known; and the balancer itself, with and without more.
        (binary(0x21, 0x12, &ipv4), None),
        (binary(0x21, 0x31, &[b'/'; 216]), None),
        (binary(0x21, 0x00, &[]), None),
        (binary(0x21, 0x00, &extras), None),
        (binary(0x20, 0x00, &[]), None),
        (binary(0x20, 0x00, &extras), None),
        (binary(0x20, 0x11, &ipv4), None),
    ]
}

#[test]
fn a_header_cut_at_any_byte_is_awaited_and_a_whole_one_is_found_whatever_follows() {
    for (header, client) in valid() {
        for cut in 0..header.len() {
            assert_eq!(find(&header[..cut]), Ok(None), "{cut} of {header:?}");
        }
        let found = Found {
            client,
            length: header.len(),
        };
        for next in [
            &b""[..],
            b"P",
            b"\n",
            b"POST /request_charge",
            &header,
            &[0x16, 3, 1],
        ] {
            let received = [&header[..], next].concat();
            assert_eq!(find(&received), Ok(Some(found)), "{received:?}");
        }
    }
}

#[test]
fn what_is_no_header_is_refused_as_soon_as_it_can_be_none() {
    let ipv4 = pair(&[192, 0, 2, 7], &[10, 0, 0, 1]);
    let mut too_long = binary(0x21, 0x11, &[0; LONGEST_BINARY - BINARY_START + 1]);
    too_long.truncate(BINARY_START);
    let cut_addresses = binary(0x21, 0x21, &ipv4);
    for (bytes, at) in [
        (&b"POST / HTTP/1.1\r\n"[..], 2),
        (b"GET / HTTP/1.1\r\n", 1),
        (b"PRI * HTTP/2.0\r\n", 3),
        (&[0x16, 3, 1, 2, 0], 1),
        (b"\r\n\r\n\0\r\nQUIT\r", 12),
        (b"PROXY\tTCP4 ", 6),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", 31),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n", 36),
        (b"PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n", 30),
        (b"PROXY TCP4 ::1 ::1 1 2\r\n", 24),
        (b"PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n", 32),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", 34),
        (b"PROXY \r\n", 8),
        (b"PROXY UNKNOWN_\r\n", 16),
        (b"PROXY UNKNOWN\r1\r\n", 17),
        (&[TEXT, &[b'x'; 200]].concat(), LONGEST_TEXT),
        (&too_long, BINARY_START),
        // A version, a command and a family that are none, and addresses that the length has no room for.
        (&binary(0x31, 0x11, &ipv4), BINARY_START + 12),
        (&binary(0x22, 0x11, &ipv4), BINARY_START + 12),
        (&binary(0x21, 0x41, &ipv4), BINARY_START + 12),
        (&cut_addresses, BINARY_START + 12),
        (&binary(0x21, 0x31, &[b'/'; 215]), BINARY_START + 215),
    ] {
        for cut in 0..at {
            assert_eq!(find(&bytes[..cut]), Ok(None), "{cut} of {bytes:?}");
        }
        for cut in at..=bytes.len() {
            assert_eq!(find(&bytes[..cut]), Err(Malformed), "{cut} of {bytes:?}");
        }
    }
}

proptest! {
    /// However the bytes arrive, the first verdict on them is the last.
    #[test]
    fn more_bytes_never_change_a_verdict_and_none_panics(
        start in prop::sample::select(vec![
            &b""[..], TEXT, b"PROXY TCP4 ", b"PROXY TCP6 ::1 ", b"PROXY UNKNOWN", BINARY,
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0", b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0", b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0",
        ]),
        rest in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\r\n 0123456789.:"[..])], 0..300),
    ) {
        let all = [start, &rest].concat();
        let mut verdict = Ok(None);
        for cut in 0..=all.len() {
            let now = find(&all[..cut]);
            prop_assert!(verdict == Ok(None) || now == verdict, "{cut}: {verdict:?}, then {now:?}");
            verdict = now;
        }
    }

    /// One byte of a header changed, anywhere.
    #[test]
    fn a_damaged_header_is_refused_awaited_or_a_header(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let all = valid();
        let (mut header, _) = all[which.index(all.len())].clone();
        let at = at.index(header.len());
        header[at] = byte;
        if let Ok(Some(found)) = find(&header) {
            prop_assert!(found.length <= header.len());
        }
    }
}
