//! A destination that takes nothing costs lines, which are counted, and nothing else.

use std::{fs, path::Path, process::Command, time::Instant};

use nix::sys::signal::Signal;
use switchyard_faults::{Deaf, PATIENCE, Scripted};

use super::{lines, log_at, so_many};
use crate::{
    rig::{Proxy, until, yaml},
    upgrade::fails_with,
};

const DROPPED: &str = "switchyard_access_log_dropped_total";

fn dropped(proxy: &Proxy, reason: &str) -> f64 {
    proxy.metric(&format!("{DROPPED}{{reason=\"{reason}\"}}"))
}

#[test]
fn a_standard_output_that_takes_nothing_holds_up_no_request_and_no_end() {
    let substation = Scripted::working("0");
    for sink in Deaf::ALL {
        let (stdout, _reader) = sink.open();
        let yaml = yaml(&[substation.address], "access_log: {path: '-'}");
        let mut proxy = Proxy::launch(&yaml, |command: &mut Command| {
            command.stdout(stdout);
        });
        for _ in 0..20 {
            assert_eq!(proxy.charge("").status, 200, "{sink:?}");
        }
        if sink != Deaf::Unread {
            until("lines are counted", || {
                (dropped(&proxy, "write") > 0.0).then_some(())
            });
            proxy.logged("Access log can't be written");
        }
        proxy.signal(Signal::SIGUSR1);
        assert_eq!(proxy.charge("").status, 200, "{sink:?}");
        let began = Instant::now();
        proxy.signal(Signal::SIGTERM);
        assert!(proxy.wait().success(), "{sink:?}");
        assert!(began.elapsed() < PATIENCE);
    }
}

#[test]
fn a_full_disk_is_counted_and_written_again_elsewhere() {
    let substation = Scripted::working("0");
    let proxy = Proxy::start(&[substation.address], "access_log: {path: /dev/full}\n");
    assert_eq!(proxy.charge("").status, 200);
    until("a line is counted", || {
        (dropped(&proxy, "write") > 0.0).then_some(())
    });
    let file = proxy.files.path().join("switchyard.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let path = proxy.files.path().join("access.log");
    let path_text = path.display().to_string();
    fs::write(&file, text.replace("/dev/full", &path_text)).unwrap();
    assert_eq!(crate::reload::reload(&proxy).status, 200);
    assert_eq!(proxy.charge("").status, 200);
    so_many(&path, 1);
    assert_eq!(
        ["full", "open"].map(|reason| dropped(&proxy, reason)),
        [0.0; 2]
    );
}

#[test]
fn a_file_that_can_not_be_opened_is_a_fault_of_the_configuration() {
    let substation = Scripted::working("0");
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("switchyard.yaml");
    let socket = folder.path().join("socket");
    let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (path, words) in [
        (Path::new("none/access.log"), "make its directory"),
        (folder.path(), "Is a directory"),
        (&socket, "it is a socket and not a file"),
        (&file, "is the configuration itself"),
    ] {
        let text = yaml(&[substation.address], &log_at(path, ""));
        fs::write(&file, &text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_switchyard"))
            .args(["run", "--config"])
            .arg(&file)
            .output()
            .unwrap();
        let path = path.display().to_string();
        fails_with(&output, 78, &["line ", "access_log.path", &path, words]);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn a_reload_turns_it_on_moves_it_and_turns_it_off_and_refuses_what_can_not_be_opened() {
    let substation = Scripted::working("0");
    let proxy = Proxy::start(&[substation.address], "");
    let file = proxy.files.path().join("switchyard.yaml");
    let plain = fs::read_to_string(&file).unwrap();
    let path = |name: &str| proxy.files.path().join(name);
    let [log, other] = ["access.log", "other.log"].map(path);
    let put = |extra: &str| {
        fs::write(&file, format!("{plain}\n{extra}\n")).unwrap();
        let answer = crate::reload::reload(&proxy);
        (answer.status, String::from_utf8(answer.body).unwrap())
    };
    let charge = || assert_eq!(proxy.charge("").status, 200);
    charge();
    assert_eq!(put(&log_at(&log, "")).0, 200);
    charge();
    so_many(&log, 1);
    let (status, refused) = put(&log_at(&path("none/log"), ""));
    assert_eq!(status, 422, "{refused}");
    assert!(refused.contains("access_log.path"), "{refused}");
    charge();
    so_many(&log, 2);
    assert_eq!(put(&log_at(&other, "")).0, 200);
    charge();
    until("a line elsewhere", || {
        (lines(&other).len() == 1).then_some(())
    });
    assert_eq!(put(&log_at(&other, ", format: combined")).0, 200);
    charge();
    until("a line of another form", || {
        let text = fs::read_to_string(&other).unwrap();
        text.lines()
            .nth(1)?
            .starts_with("127.0.0.1 - - [")
            .then_some(())
    });
    assert_eq!(put("").0, 200);
    charge();
    charge();
    so_many(&log, 2);
    assert_eq!(fs::read_to_string(&other).unwrap().lines().count(), 2);
}

#[test]
fn a_file_that_can_not_be_opened_again_is_warned_of_and_counted_until_it_can() {
    let substation = Scripted::working("0");
    let proxy = Proxy::start(&[substation.address], "");
    let [room, moved] = ["room", "moved"].map(|name| proxy.files.path().join(name));
    fs::create_dir(&room).unwrap();
    let file = proxy.files.path().join("switchyard.yaml");
    let plain = fs::read_to_string(&file).unwrap();
    let log = log_at(&room.join("log"), "");
    fs::write(&file, format!("{plain}\n{log}\n")).unwrap();
    assert_eq!(crate::reload::reload(&proxy).status, 200);
    fs::rename(&room, &moved).unwrap();
    proxy.signal(Signal::SIGUSR1);
    proxy.logged("Access log can't be reopened");
    assert_eq!(proxy.charge("").status, 200);
    until("a line is counted", || {
        (dropped(&proxy, "open") > 0.0).then_some(())
    });
    fs::rename(&moved, &room).unwrap();
    until("lines come again", || {
        assert_eq!(proxy.charge("").status, 200);
        (!lines(&room.join("log")).is_empty()).then_some(())
    });
}

#[test]
fn the_signal_does_nothing_without_an_access_log() {
    let substation = Scripted::working("0");
    let mut proxy = Proxy::start(&[substation.address], "");
    proxy.signal(Signal::SIGUSR1);
    assert_eq!(proxy.charge("").status, 200);
    assert!(proxy.is_running());
}
