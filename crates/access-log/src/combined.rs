//! A line as Apache writes its `combined` format: for the many programs that read exactly that.
//!
//! Nothing is added to it. Such programs count fields, and whatever stands behind the last one is read as a part of it or
//! fails the line; what this proxy knows beyond it is in the JSON format.

use crate::{
    entry::Entry,
    escape::{address, apache, number, word},
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
pub(crate) fn write(out: &mut Vec<u8>, stamp: &mut Stamp, entry: &Entry<'_>) {
    address(out, entry.remote);
    out.extend_from_slice(b" - ");
    match entry.client {
        None | Some("") => out.push(b'-'),
        Some(client) => word(out, client, LONGEST_NAME),
    }
    out.extend_from_slice(b" [");
    stamp.clf(out, entry.time);
    out.extend_from_slice(b"] \"");
    match (entry.method, entry.path) {
        (Some(method), Some(path)) => {
            apache(out, method.as_bytes(), LONGEST_METHOD);
            out.push(b' ');
            apache(out, path.as_bytes(), LONGEST_PATH);
            out.push(b' ');
            apache(out, entry.protocol.as_bytes(), LONGEST_NAME);
        }
        _ => out.push(b'-'),
    }
    out.extend_from_slice(b"\" ");
    number(out, entry.status);
    out.push(b' ');
    match entry.bytes_out {
        0 => out.push(b'-'),
        bytes => number(out, bytes),
    }
    for header in [entry.referer, entry.user_agent] {
        out.extend_from_slice(b" \"");
        apache(out, header.unwrap_or(b"-"), LONGEST_VALUE);
        out.push(b'"');
    }
    out.push(b'\n');
}
