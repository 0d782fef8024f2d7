//! Rotation, upgrades and the end lose no line and tear none.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
};

use nix::sys::signal::Signal;
use switchyard_faults::{self as client, Connection, Scripted};
use tempfile::TempDir;

use super::{Logged, lines, log_at};
use crate::{
    rig::{Proxy, until},
    upgrade::Here,
};

/// Sends charges on two connections until `done`, each with an id of its own. Returns how many were answered.
fn load(address: SocketAddr, done: &AtomicBool, answered: &AtomicUsize) {
    thread::scope(|scope| {
        for at in 0..2 {
            scope.spawn(move || {
                let mut connection = Connection::open(address);
                for n in 0.. {
                    if done.load(SeqCst) {
                        break;
                    }
                    let id = format!("x-request-id: {at}-{n}\r\n");
                    connection.send(client::request("POST", "/request_charge", &id, "{}"));
                    let answer = connection.answer();
                    assert_eq!(answer.status, 200);
                    answered.fetch_add(1, SeqCst);
                    if answer.header("connection") == Some("close") {
                        connection = Connection::open(address);
                    }
                }
            });
        }
    });
}

/// Ends the load, also where a test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// The ids in all these files together, none twice.
fn ids(files: &[PathBuf]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for file in files {
        for line in lines(file) {
            let id = line["request_id"].as_str().unwrap().to_owned();
            assert!(ids.insert(id), "twice");
        }
        let text = fs::read_to_string(file).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "a torn line");
    }
    ids
}

#[test]
fn rotated_under_load_no_line_is_lost() {
    let substation = Scripted::working("0");
    let Logged { mut proxy, folder } = Logged::start(&[substation.address], "", "");
    let path = folder.path().join("access.log");
    let name = |round| folder.path().join(format!("access.log.{round}"));
    let mut files = vec![path.clone()];
    let (done, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| load(proxy.charge, &done, &answered));
        let _stop = Stop(&done);
        for round in 0..5 {
            let before = answered.load(SeqCst);
            until("requests", || {
                (answered.load(SeqCst) > before + 50).then_some(())
            });
            fs::rename(&path, name(round)).unwrap();
            proxy.signal(Signal::SIGUSR1);
            until("the file is made again", || path.exists().then_some(()));
            files.push(name(round));
        }
    });
    // The end writes what waits.
    proxy.signal(Signal::SIGTERM);
    assert!(proxy.wait().success());
    assert_eq!(ids(&files).len(), answered.load(SeqCst));
    for file in &files[1..] {
        assert!(!lines(file).is_empty(), "{}", file.display());
    }
}

#[test]
fn over_an_upgrade_both_processes_write_whole_lines_to_one_file() {
    let substation = Scripted::working("0");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("access.log");
    let extra = log_at(&path, "");
    let here = Here::new();
    let mut old = here.first_with(&[substation.address], &extra);
    let (done, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut new = thread::scope(|scope| {
        scope.spawn(|| load(old.charge, &done, &answered));
        let _stop = Stop(&done);
        let new = here.next(&old, &[substation.address], &extra);
        let takes = |proxy: &Proxy| {
            proxy.metric("switchyard_requests_total{code=\"200\",result=\"booked\"}") > 20.0
        };
        until("the new process takes requests", || {
            takes(&new).then_some(())
        });
        new
    });
    old.signal(Signal::SIGTERM);
    assert!(old.wait().success());
    new.signal(Signal::SIGTERM);
    assert!(new.wait().success());
    assert_eq!(ids(&[path]).len(), answered.load(SeqCst));
}

#[test]
fn a_line_that_another_process_left_unfinished_is_ended_first() {
    let substation = Scripted::working("0");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("access.log");
    fs::write(&path, "{\"time\":\"20").unwrap();
    let extra = log_at(&path, "");
    let proxy = Proxy::start(&[substation.address], &extra);
    assert_eq!(proxy.charge("").status, 200);
    let second = until("a line", || line(&path, 1));
    assert!(
        second.starts_with("{\"time\":\"") && second.ends_with('}'),
        "{second}"
    );
}

fn line(path: &Path, at: usize) -> Option<String> {
    let text = fs::read_to_string(path).unwrap();
    text.ends_with('\n')
        .then(|| text.lines().nth(at).map(str::to_owned))?
}
