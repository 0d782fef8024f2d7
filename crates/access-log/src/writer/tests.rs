use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    time::SystemTime,
};

use prometheus::Registry;
use switchyard_telemetry::Registrar;

use super::*;
use crate::{Destination, Dropped, Entry, Format, buffer::MOST_WAITING};

/// Longer than any step takes on a busy machine.
const LONG: Duration = Duration::from_secs(20);

fn log() -> AccessLog {
    let registry = Registry::new();
    let metrics = AccessLogMetrics::register(Registrar::new(&registry)).unwrap();
    AccessLog::new(metrics)
}

fn open(path: &Path) -> Output {
    Output::open(&Destination::File(path.to_owned())).unwrap()
}

fn entry(id: &str) -> Entry<'_> {
    Entry {
        time: SystemTime::UNIX_EPOCH,
        request_id: id.as_bytes(),
        trace_id: None,
        client: None,
        remote: IpAddr::V4(Ipv4Addr::LOCALHOST),
        method: Some("POST"),
        path: Some("/request_charge"),
        status: 200,
        code: None,
        outcome: "booked",
        substation: None,
        limit: None,
        load: None,
        attempts: 1,
        has_key: Some(false),
        took: Duration::ZERO,
        queued: Duration::ZERO,
        upstream: Duration::ZERO,
        bytes_in: 0,
        bytes_out: 0,
        protocol: "HTTP/1.1",
        is_tls: false,
        referer: None,
        user_agent: None,
    }
}

/// The ids in a file, in order. The last line may be half there: a file can be read while it is written.
fn ids(path: &Path) -> Vec<String> {
    let mut text = fs::read_to_string(path).unwrap();
    text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
    let id = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["request_id"].as_str().unwrap().to_owned()
    };
    text.lines().map(id).collect()
}

fn dropped(log: &AccessLog) -> [u64; 3] {
    [Dropped::Full, Dropped::Open, Dropped::Write].map(|why| log.0.metrics.count(why))
}

#[test]
fn nothing_runs_until_there_is_something_to_write_to() {
    let log = log();
    log.lines().write(Format::Json, &entry("a"));
    log.reopen();
    log.write_to(None).unwrap();
    assert!(log.flush(Duration::ZERO));
    assert!(log.0.writer.get().is_none());
}

#[test]
fn lines_of_all_workers_are_written_by_themselves_within_a_second() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = log();
    log.write_to(Some(open(&path))).unwrap();
    let began = Instant::now();
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let lines = log.lines();
            thread::spawn(move || {
                for n in 0..500 {
                    lines.write(Format::Json, &entry(&format!("{worker}-{n}")));
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    while ids(&path).len() < 2_000 {
        assert!(began.elapsed() < LONG);
        thread::yield_now();
    }
    let ids = ids(&path);
    for worker in 0..4 {
        let begins = format!("{worker}-");
        let own: Vec<_> = ids.iter().filter(|id| id.starts_with(&begins)).collect();
        let expected: Vec<_> = (0..500).map(|n| format!("{worker}-{n}")).collect();
        assert_eq!(own, expected.iter().collect::<Vec<_>>(), "in order");
    }
    assert!(log.flush(LONG));
    assert!(log.0.buffers.lock().is_empty(), "workers that are gone");
    assert_eq!(dropped(&log), [0; 3]);
}

#[test]
fn a_renamed_file_is_opened_again_and_no_line_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let [path, old] = ["log", "log.1"].map(|name| directory.path().join(name));
    let log = log();
    log.write_to(Some(open(&path))).unwrap();
    let lines = log.lines();
    lines.write(Format::Json, &entry("1"));
    assert!(log.flush(LONG));
    fs::rename(&path, &old).unwrap();
    lines.write(Format::Json, &entry("2"));
    log.reopen();
    assert!(log.flush(LONG));
    lines.write(Format::Json, &entry("3"));
    assert!(log.flush(LONG));
    assert_eq!(ids(&old), ["1", "2"]);
    assert_eq!(ids(&path), ["3"]);
    // To another file, and to none.
    let other = directory.path().join("other");
    log.write_to(Some(open(&other))).unwrap();
    assert!(log.flush(LONG));
    lines.write(Format::Json, &entry("4"));
    assert!(log.flush(LONG));
    log.write_to(None).unwrap();
    assert!(log.flush(LONG));
    lines.write(Format::Json, &entry("5"));
    assert!(log.flush(LONG));
    assert_eq!(ids(&other).last().unwrap(), "4");
    assert_eq!(dropped(&log), [0; 3]);
}

#[test]
fn a_file_that_can_not_be_opened_again_loses_lines_that_are_counted_until_it_can() {
    let directory = tempfile::tempdir().unwrap();
    let [room, moved] = ["room", "moved"].map(|name| directory.path().join(name));
    fs::create_dir(&room).unwrap();
    let path = room.join("log");
    let log = log();
    log.write_to(Some(open(&path))).unwrap();
    let lines = log.lines();
    fs::rename(&room, &moved).unwrap();
    log.reopen();
    assert!(log.flush(LONG));
    lines.write(Format::Json, &entry("1"));
    assert!(log.flush(LONG));
    assert_eq!(dropped(&log), [0, 1, 0]);
    fs::rename(&moved, &room).unwrap();
    let began = Instant::now();
    while !ids(&path).contains(&"2".to_owned()) {
        assert!(began.elapsed() < LONG);
        lines.write(Format::Json, &entry("2"));
        assert!(log.flush(LONG));
    }
}

#[test]
fn a_reader_that_does_not_read_blocks_no_worker_and_no_end() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    // Opened for both, so that this does not wait for the other end.
    let _reader = fs::File::options()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    let log = log();
    log.write_to(Some(open(&pipe))).unwrap();
    let lines = log.lines();
    let mut written = 0;
    while log.0.metrics.count(Dropped::Full) == 0 {
        lines.write(Format::Json, &entry("1"));
        written += 1;
    }
    assert!(written > MOST_WAITING / 1_000);
    assert!(!log.flush(Duration::from_millis(10)));
    // It is told to write elsewhere, and gives up.
    let path = directory.path().join("log");
    log.write_to(Some(open(&path))).unwrap();
    lines.write(Format::Json, &entry("2"));
    assert!(log.flush(LONG));
    lines.write(Format::Json, &entry("3"));
    assert!(log.flush(LONG));
    assert_eq!(ids(&path).last().unwrap(), "3");
    assert!(log.0.metrics.count(Dropped::Write) > 0);
}

#[test]
fn a_full_disk_loses_lines_that_are_counted() {
    let log = log();
    log.write_to(Some(open(Path::new("/dev/full")))).unwrap();
    let lines = log.lines();
    for _ in 0..3 {
        lines.write(Format::Combined, &entry("1"));
    }
    assert!(log.flush(LONG));
    assert_eq!(dropped(&log), [0, 0, 3]);
}
