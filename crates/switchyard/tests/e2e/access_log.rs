//! The access log: a line for each request, whatever comes and wherever it leads.

mod deaf;
mod rotation;
mod ways_in;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::rig::{Proxy, until};

/// The fields of a line.
const FIELDS: [&str; 22] = [
    "time",
    "request_id",
    "trace_id",
    "client",
    "remote",
    "method",
    "path",
    "status",
    "code",
    "outcome",
    "substation",
    "limit",
    "load",
    "attempts",
    "idempotency_key",
    "seconds",
    "queue_seconds",
    "upstream_seconds",
    "bytes_in",
    "bytes_out",
    "protocol",
    "tls",
];

/// A proxy with an access log.
struct Logged {
    proxy: Proxy,
    folder: TempDir,
}

impl Logged {
    /// Starts one that has `more` in `access_log`, and `extra` in its configuration.
    fn start(substations: &[SocketAddr], more: &str, extra: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let log = log_at(&folder.path().join("access.log"), more);
        let proxy = Proxy::start(substations, &format!("{log}\n{extra}"));
        Self { proxy, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }

    /// The lines, once there are so many.
    fn so_many(&self, count: usize) -> Vec<Value> {
        so_many(&self.path(), count)
    }
}

fn log_at(path: &Path, more: &str) -> String {
    format!("access_log: {{path: \"{}\"{more}}}", path.display())
}

/// All whole lines of a log. Each is an object with all the fields.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    let lines: Vec<Value> = whole
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        let mut keys: Vec<_> = line
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut fields = FIELDS;
        keys.sort_unstable();
        fields.sort_unstable();
        assert_eq!(keys, fields);
    }
    lines
}

/// The lines, once there are so many.
fn so_many(path: &Path, count: usize) -> Vec<Value> {
    let lines = until("lines", || {
        let lines = lines(path);
        (lines.len() >= count).then_some(lines)
    });
    assert_eq!(lines.len(), count, "{lines:#?}");
    lines
}

/// The only line with this id.
fn of<'a>(lines: &'a [Value], id: &str) -> &'a Value {
    let mut with = lines.iter().filter(|line| line["request_id"] == id);
    let line = with.next().unwrap_or_else(|| panic!("{id} in {lines:#?}"));
    assert!(with.next().is_none(), "{id} twice");
    line
}
