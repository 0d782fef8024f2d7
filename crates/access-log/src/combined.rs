//! A line as Apache writes its `combined` format: for the many programs that read exactly that.
//!
//! Nothing is added to it. Such programs count fields, and whatever stands behind the last one is read as a part of it or
//! fails the line; what this proxy knows beyond it is in the JSON format.

use crate::{
    entry::Entry,
    escape::{apache, is_plain, word},
    line::Line,
    stamp::Stamp,
};

/// The most bytes of a path.
const LONGEST_PATH: usize = 1_024;
/// The most bytes of a header's value. Four times as many may come of a name, whose spaces are escaped last.
const LONGEST_VALUE: usize = 512;
/// The most bytes of a name.
const LONGEST_NAME: usize = 128;
/// The most bytes of a method.
const LONGEST_METHOD: usize = 32;

/// Writes a line.
pub(crate) fn write(out: &mut Line<'_>, stamp: &mut Stamp, entry: &Entry<'_>) {
    out.address(entry.remote);
    out.put(b" - ");
    match entry.client {
        None | Some("") => out.put(b"-"),
        Some(client) => {
            let mut name = Vec::new();
            word(&mut name, client, LONGEST_NAME);
            out.text(&name);
        }
    }
    out.put(b" [");
    stamp.clf(out, entry.time);
    out.put(b"] \"");
    match (entry.method, entry.path) {
        (Some(method), Some(path)) => {
            quoted(out, method.as_bytes(), LONGEST_METHOD);
            out.put(b" ");
            quoted(out, path.as_bytes(), LONGEST_PATH);
            out.put(b" ");
            out.text(entry.protocol.as_bytes());
        }
        _ => out.put(b"-"),
    }
    out.put(b"\" ");
    out.number(entry.status);
    out.put(b" ");
    match entry.bytes_out {
        0 => out.put(b"-"),
        bytes => out.number(bytes),
    }
    for header in [entry.referer, entry.user_agent] {
        out.put(b" \"");
        quoted(out, header.unwrap_or(b"-"), LONGEST_VALUE);
        out.put(b"\"");
    }
    out.put(b"\n");
}

/// Text of clients.
fn quoted(out: &mut Line<'_>, text: &[u8], longest: usize) {
    if text.len() <= longest && is_plain(text) {
        out.text(text);
    } else {
        let mut escaped = Vec::new();
        apache(&mut escaped, text, longest);
        out.text(&escaped);
    }
}
