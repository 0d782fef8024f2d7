//! Restarts with a state file.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output},
    time::Duration,
};

use nix::sys::signal::Signal;
use switchyard_faults::{self as client, Faulty, post};
use tempfile::TempDir;

use super::yard::{Yard, book, differ, states};
use crate::{
    rig::{Proxy, until, yaml},
    upgrade::{Here, fails_with, same_ports},
};

/// How many keys are booked, and repeated by the next process.
const KEYS: usize = 200;
/// Ejections outlast the test.
const LONG: &str = "health: {ejection: 10m, longest_ejection: 10m}\n";

/// A folder for the state file.
struct Kept {
    folder: TempDir,
}

impl Kept {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The configuration with this file, written as often as it may be.
    fn extra(&self) -> String {
        let file = self.file().display().to_string();
        format!("{LONG}state: {{file: {file}, interval: 100ms}}\n")
    }

    /// A process that is expected to fail.
    fn attempt(&self) -> Output {
        let config = self.folder.path().join("attempt.yaml");
        let nobody = ([127, 0, 0, 1], 9).into();
        fs::write(&config, yaml(&[nobody], &self.extra())).unwrap();
        Command::new(env!("CARGO_BIN_EXE_switchyard"))
            .args(["run", "--config"])
            .arg(config)
            .output()
            .unwrap()
    }
}

fn names(prefix: &str) -> Vec<String> {
    (0..KEYS).map(|key| format!("{prefix}-{key}")).collect()
}

/// When the file was written last, as `/status` says.
fn written(proxy: &Proxy) -> f64 {
    let state = &proxy.status()["state"];
    // Right after an upgrade the old process may still have the file.
    let error = state["error"].as_str().unwrap_or_default();
    assert!(
        error.is_empty() || error.contains("in use by another process"),
        "{error}"
    );
    state["written_unix_seconds"].as_f64().unwrap_or_default()
}

/// Waits until all that has happened so far is in the file.
fn is_written(proxy: &Proxy) {
    // The write that is under way may have begun before.
    for _ in 0..2 {
        let before = written(proxy);
        until("the file is written", || {
            (written(proxy) > before).then_some(())
        });
    }
}

/// Keys, drains and ejections over a restart that ends the first process by `end`.
fn restarted(end: Signal) {
    let (yard, kept) = (Yard::start(), Kept::new());
    let mut first = Proxy::start(&yard.addresses(), &kept.extra());
    yard.arrange(&first);
    let keys = names("k");
    let sessions = book(first.charge, &keys);
    let vain = yard.asked_in_vain();
    if end == Signal::SIGKILL {
        is_written(&first);
    }
    first.signal(end);
    assert_eq!(first.wait().success(), end == Signal::SIGTERM);

    let next = Proxy::start_from(&same_ports(&first, &yard.addresses(), &kept.extra()));
    next.logged("State taken over source=the state file");
    next.wait_until_ready();
    assert_eq!(states(&next), ["draining", "ejected"]);
    let count = yard.count();
    book(next.charge, &names("l"));
    let share = yard.count().silent_since(&count);
    assert!(share > 0.5, "the silent one gets its share: {share}");
    // Last: to the ledger of the silent one, each repetition is one more booking.
    assert_eq!(differ(&sessions, &book(next.charge, &keys)), 0);
    assert_eq!(yard.asked_in_vain(), vain);
}

#[test]
fn after_sigterm_the_next_process_goes_on_from_the_file() {
    restarted(Signal::SIGTERM);
}

#[test]
fn after_sigkill_the_next_process_goes_on_from_what_was_written_last() {
    restarted(Signal::SIGKILL);
}

#[test]
fn the_file_is_this_users_and_says_how_it_is() {
    let (substation, kept) = (Faulty::start("s1", 1, &[], 0.0), Kept::new());
    let proxy = Proxy::start(&[substation.address()], &kept.extra());
    let metric = |name: &str| proxy.metric(&format!("switchyard_state_{name}"));
    is_written(&proxy);
    let state = &proxy.status()["state"];
    assert_eq!(state["file"], kept.file().display().to_string());
    let bytes = fs::metadata(kept.file()).unwrap().len();
    assert_eq!(state["bytes"], bytes);
    assert!(metric("bytes") > 0.0 && metric("write_seconds") > 0.0);
    assert!(metric("written_timestamp_seconds") > 1.7e9);
    let mode = fs::metadata(kept.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // No key can be read in it.
    book(proxy.charge, &["secret-key".to_owned()]);
    is_written(&proxy);
    let content = fs::read(kept.file()).unwrap();
    let has_key = content.windows(10).any(|some| some == b"secret-key");
    assert!(!has_key);

    // It can't be written for a while.
    let aside = kept.folder.path().join("aside");
    fs::rename(kept.file(), &aside).unwrap();
    fs::create_dir(kept.file()).unwrap();
    proxy.logged("State file could not be written");
    let error = proxy.status()["state"]["error"].to_string();
    assert!(error.contains("a directory"), "{error}");
    assert!(metric("errors_total") >= 1.0);
    assert_eq!(proxy.charge("{}").status, 200);
    fs::remove_dir(kept.file()).unwrap();
    proxy.logged("State file is written again");
}

#[test]
fn a_file_that_is_of_no_use_costs_nothing_and_is_named() {
    let (substation, kept) = (Faulty::start("s1", 1, &[], 0.0), Kept::new());
    let start = || Proxy::start(&[substation.address()], &kept.extra());
    let mut proxy = start();
    proxy.logged("State file is new");
    assert_eq!(post(proxy.admin, "/substations/s1/drain", "").status, 200);
    proxy.signal(Signal::SIGTERM);
    assert!(proxy.wait().success());
    let whole = fs::read(kept.file()).unwrap();
    let cut = whole[..whole.len() / 2].to_vec();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let mut newer = whole.clone();
    newer[9] += 1;
    for (content, word) in [(cut, "damaged"), (damaged, "damaged"), (newer, "version 2")] {
        fs::write(kept.file(), content).unwrap();
        let mut proxy = start();
        let line = proxy.logged("State refused");
        assert!(line.contains(word), "{line}");
        assert_eq!(proxy.charge("{}").status, 200, "it knows of no drain");
        is_written(&proxy);
        proxy.signal(Signal::SIGKILL);
        proxy.wait();
    }
    fs::write(kept.file(), whole).unwrap();
    assert_eq!(start().charge("{}").status, 503, "it is drained");
}

#[test]
fn a_file_of_others_is_left_alone_and_so_is_one_in_use() {
    let (substation, kept) = (Faulty::start("s1", 1, &[], 0.0), Kept::new());
    fs::write(kept.file(), "precious").unwrap();
    fails_with(
        &kept.attempt(),
        1,
        &["state.file", "begins with \"precious\"", "left alone"],
    );
    assert_eq!(fs::read(kept.file()).unwrap(), b"precious");
    fs::remove_file(kept.file()).unwrap();

    let mut running = Proxy::start(&[substation.address()], &kept.extra());
    let words = [
        "in use by another process",
        "its own state.file",
        "--upgrade",
    ];
    fails_with(&kept.attempt(), 1, &words);
    assert!(running.is_running());

    let nowhere = Kept {
        folder: TempDir::new().unwrap(),
    };
    let file = nowhere.file().join("state");
    let extra = format!("state: {{file: {}}}", file.display());
    let config = nowhere.folder.path().join("attempt.yaml");
    fs::write(&config, yaml(&[substation.address()], &extra)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .args(["run", "--config"])
        .arg(config)
        .output()
        .unwrap();
    fails_with(&output, 1, &["there is no directory", "create it"]);
}

#[test]
fn after_an_upgrade_the_new_process_writes_the_file_and_the_old_one_does_not() {
    let (substation, kept, here) = (Faulty::start("s1", 1, &[], 0.0), Kept::new(), Here::new());
    let first = here.first_with(&[substation.address()], &kept.extra());
    is_written(&first);
    // It stays, because a client does.
    let mut idle = client::Connection::open(first.charge);
    idle.send(client::request("POST", "/request_charge", "", "{}"));
    idle.answer();
    // The handover knows of this drain, and the file perhaps not yet.
    assert_eq!(post(first.admin, "/substations/s1/drain", "").status, 200);
    let next = here.next(&first, &[substation.address()], &kept.extra());
    let lines = next.logged_until("took over from the old one");
    let all = lines.join("\n");
    assert!(all.contains("source=the old process"), "{all}");
    assert!(!all.contains("source=the state file"), "{all}");
    is_written(&next);
    assert_eq!(next.charge("{}").status, 503, "it is drained");
    assert_eq!(post(next.admin, "/substations/s1/undrain", "").status, 200);
    is_written(&next);
    // The old one ends, and changes nothing.
    let content = || fs::read(kept.file()).unwrap();
    let mut first = first;
    next.signal(Signal::SIGKILL);
    let mut next = next;
    next.wait();
    let before = content();
    first.signal(Signal::SIGTERM);
    first.wait();
    assert_eq!(content(), before);
    let last = Proxy::start(&[substation.address()], &kept.extra());
    assert_eq!(last.charge("{}").status, 200, "it is drained no more");
}

/// How often it is written where writing takes long, and what that costs:
/// `cargo test … -- --ignored --nocapture carried::restarts::measure`.
#[test]
#[ignore = "a measurement of half a minute"]
fn measure() {
    let (substation, kept) = (Faulty::start("s1", 1, &[], 0.0), Kept::new());
    let proxy = Proxy::start(&[substation.address()], &kept.extra());
    for keys in [0, 1_000, 10_000] {
        let names: Vec<_> = (0..keys).map(|key| format!("{keys}-{key}")).collect();
        book(proxy.charge, &names);
        is_written(&proxy);
        let mut writes = 0;
        let mut last = written(&proxy);
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_secs(5) {
            let now = written(&proxy);
            writes += u32::from(now > last);
            last = now;
            std::thread::sleep(Duration::from_millis(20));
        }
        let state = proxy.status()["state"].clone();
        println!("{keys} keys: {writes} writes in 5 s, {state}");
    }
}
