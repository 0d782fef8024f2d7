//! A line as a JSON object. Each field is always there, and `null` where there is nothing to say.

use std::time::Duration;

use crate::{
    entry::Entry,
    escape::{is_plain, json},
    line::Line,
    stamp::Stamp,
};

/// The most bytes of a path.
const LONGEST_PATH: usize = 1_024;
/// The most bytes of an id or a name.
const LONGEST_NAME: usize = 256;
/// The most bytes of a method.
const LONGEST_METHOD: usize = 32;

/// Writes a line.
pub(crate) fn write(out: &mut Line<'_>, stamp: &mut Stamp, entry: &Entry<'_>) {
    out.put(br#"{"time":""#);
    stamp.rfc3339(out, entry.time);
    out.put(br#"","request_id":""#);
    text(out, entry.request_id, LONGEST_NAME);
    match entry.trace_id {
        None => out.put(br#"","trace_id":null"#),
        Some(id) => {
            out.put(br#"","trace_id":""#);
            for byte in id {
                out.hex(byte);
            }
            out.put(br#"""#);
        }
    }
    named(out, (br#","client":"#, entry.client), LONGEST_NAME);
    out.put(br#","remote":""#);
    out.address(entry.remote);
    named(out, (br#"","method":"#, entry.method), LONGEST_METHOD);
    named(out, (br#","path":"#, entry.path), LONGEST_PATH);
    out.put(br#","status":"#);
    out.number(entry.status);
    match entry.code {
        None => out.put(br#","code":null,"outcome":""#),
        Some(code) => {
            out.put(br#","code":""#);
            out.text(code.as_bytes());
            out.put(br#"","outcome":""#);
        }
    }
    out.text(entry.outcome.as_bytes());
    named(out, (br#"","substation":"#, entry.substation), LONGEST_NAME);
    named(out, (br#","limit":"#, entry.limit), LONGEST_NAME);
    match entry.load.filter(|load| load.is_finite()) {
        None => out.put(br#","load":null,"attempts":"#),
        Some(load) => {
            out.put(br#","load":"#);
            out.decimal(load);
            out.put(br#","attempts":"#);
        }
    }
    out.number(entry.attempts);
    match entry.has_key {
        None => out.put(br#","idempotency_key":null,"seconds":"#),
        Some(true) => out.put(br#","idempotency_key":true,"seconds":"#),
        Some(false) => out.put(br#","idempotency_key":false,"seconds":"#),
    }
    out.seconds(entry.took);
    if entry.queued == Duration::ZERO {
        out.put(br#","queue_seconds":0.000000,"upstream_seconds":"#);
    } else {
        out.put(br#","queue_seconds":"#);
        out.seconds(entry.queued);
        out.put(br#","upstream_seconds":"#);
    }
    out.seconds(entry.upstream);
    out.put(br#","bytes_in":"#);
    out.number(entry.bytes_in);
    out.put(br#","bytes_out":"#);
    out.number(entry.bytes_out);
    out.put(br#","protocol":""#);
    out.text(entry.protocol.as_bytes());
    if entry.is_tls {
        out.put(b"\",\"tls\":true}\n");
    } else {
        out.put(b"\",\"tls\":false}\n");
    }
}

/// The end of the field before, a key, and a text or `null`.
#[inline]
fn named<const N: usize>(
    out: &mut Line<'_>,
    (key, value): (&[u8; N], Option<&str>),
    longest: usize,
) {
    out.put(key);
    match value {
        None => out.put(b"null"),
        Some(value) => {
            out.put(br#"""#);
            text(out, value.as_bytes(), longest);
            out.put(br#"""#);
        }
    }
}

/// Text of clients.
#[inline]
fn text(out: &mut Line<'_>, text: &[u8], longest: usize) {
    if text.len() <= longest && is_plain(text) {
        out.text(text);
    } else {
        let mut escaped = Vec::new();
        json(&mut escaped, text, longest);
        out.text(&escaped);
    }
}
