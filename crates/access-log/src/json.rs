//! A line as a JSON object. Each field is always there, and `null` where there is nothing to say.

use std::time::Duration;

use crate::{
    entry::Entry,
    escape::{address, decimal, hex, json, number},
    stamp::Stamp,
};

/// The most bytes of a path.
const LONGEST_PATH: usize = 1_024;
/// The most bytes of an id or a name.
const LONGEST_NAME: usize = 256;
/// The most bytes of a method.
const LONGEST_METHOD: usize = 32;

/// Writes a line.
pub(crate) fn write(out: &mut Vec<u8>, stamp: &mut Stamp, entry: &Entry<'_>) {
    out.extend_from_slice(br#"{"time":""#);
    stamp.rfc3339(out, entry.time);
    out.extend_from_slice(br#"","request_id":""#);
    json(out, entry.request_id, LONGEST_NAME);
    out.extend_from_slice(br#"","trace_id":"#);
    match entry.trace_id {
        None => out.extend_from_slice(b"null"),
        Some(id) => {
            out.push(b'"');
            out.extend(id.into_iter().flat_map(hex));
            out.push(b'"');
        }
    }
    text(out, br#","client":"#, entry.client, LONGEST_NAME);
    out.extend_from_slice(br#","remote":""#);
    address(out, entry.remote);
    out.push(b'"');
    text(out, br#","method":"#, entry.method, LONGEST_METHOD);
    text(out, br#","path":"#, entry.path, LONGEST_PATH);
    out.extend_from_slice(br#","status":"#);
    number(out, entry.status);
    text(out, br#","code":"#, entry.code, LONGEST_NAME);
    text(out, br#","outcome":"#, Some(entry.outcome), LONGEST_NAME);
    text(out, br#","substation":"#, entry.substation, LONGEST_NAME);
    text(out, br#","limit":"#, entry.limit, LONGEST_NAME);
    out.extend_from_slice(br#","load":"#);
    match entry.load.filter(|load| load.is_finite()) {
        None => out.extend_from_slice(b"null"),
        Some(load) => decimal(out, load),
    }
    out.extend_from_slice(br#","attempts":"#);
    number(out, entry.attempts);
    out.extend_from_slice(br#","idempotency_key":"#);
    out.extend_from_slice(match entry.has_key {
        None => b"null",
        Some(true) => b"true",
        Some(false) => b"false",
    });
    seconds(out, br#","seconds":"#, entry.took);
    seconds(out, br#","queue_seconds":"#, entry.queued);
    seconds(out, br#","upstream_seconds":"#, entry.upstream);
    out.extend_from_slice(br#","bytes_in":"#);
    number(out, entry.bytes_in);
    out.extend_from_slice(br#","bytes_out":"#);
    number(out, entry.bytes_out);
    text(out, br#","protocol":"#, Some(entry.protocol), LONGEST_NAME);
    out.extend_from_slice(if entry.is_tls {
        b",\"tls\":true}\n"
    } else {
        b",\"tls\":false}\n"
    });
}

fn text(out: &mut Vec<u8>, key: &[u8], value: Option<&str>, longest: usize) {
    out.extend_from_slice(key);
    match value {
        None => out.extend_from_slice(b"null"),
        Some(value) => {
            out.push(b'"');
            json(out, value.as_bytes(), longest);
            out.push(b'"');
        }
    }
}

/// With microseconds, as all durations are measured.
fn seconds(out: &mut Vec<u8>, key: &[u8], duration: Duration) {
    out.extend_from_slice(key);
    number(out, duration.as_secs());
    out.push(b'.');
    let mut digits = [b'0'; 6];
    let mut rest = duration.subsec_micros();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    out.extend_from_slice(&digits);
}
