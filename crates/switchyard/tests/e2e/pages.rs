//! The pages of the admin port that grow with the grid: compressed where that is asked for, and never at the cost of
//! samples.

use std::{
    io::Read as _,
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use flate2::read::GzDecoder;
use switchyard_faults::{Connection, request};

use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

/// So many that a page takes long beside a scrape, also where the scrapes are slow to follow in a build without
/// optimisation.
const MANY: usize = 300;
/// Clients that ask for pages again and again.
const CLIENTS: usize = 6;

/// The head of the answer to a `HEAD`.
fn head(proxy: &Proxy, path: &str, headers: &str) -> String {
    let mut connection = Connection::open(proxy.admin);
    let headers = format!("{headers}connection: close\r\n");
    connection.send(request("HEAD", path, &headers, ""));
    let mut head = String::new();
    connection.0.read_to_string(&mut head).unwrap();
    head.to_ascii_lowercase()
}

#[test]
fn pages_are_compressed_where_that_is_asked_for_and_have_the_right_length() {
    let substations = Substations::start(&[100.0; 3]);
    let proxy = Proxy::start(&substations.addresses, "");
    let mut connection = Connection::open(proxy.admin);
    let mut get = |path: &str, accepted: &str| {
        let headers = format!("accept-encoding: {accepted}\r\n");
        connection.send(request("GET", path, &headers, ""));
        let answer = connection.answer();
        assert_eq!(answer.status, 200, "{path}");
        answer
    };
    for path in ["/metrics", "/status", "/config"] {
        let plain = get(path, "gzip;q=0");
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        assert_eq!(plain.header("vary"), Some("accept-encoding"), "{path}");
        let compressed = get(path, "deflate, gzip");
        assert_eq!(
            compressed.header("content-encoding"),
            Some("gzip"),
            "{path}"
        );
        assert_eq!(
            compressed.header("content-type"),
            plain.header("content-type")
        );
        assert!(compressed.body.len() < plain.body.len(), "{path}");
        let mut text = String::new();
        let mut decoder = GzDecoder::new(&compressed.body[..]);
        decoder.read_to_string(&mut text).unwrap();
        let begin = |text: &str| text.chars().take(10).collect::<String>();
        assert_eq!(begin(&text), begin(&String::from_utf8(plain.body).unwrap()));
    }
    let short = get("/decisions", "gzip");
    assert_eq!(short.header("content-encoding"), None);

    let plain = head(&proxy, "/metrics", "");
    assert!(plain.starts_with("http/1.1 200"), "{plain}");
    assert!(plain.ends_with("\r\n\r\n"), "a HEAD has no body");
    let length = |head: &str| -> usize {
        let field = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        field.unwrap().parse().unwrap()
    };
    let compressed = head(&proxy, "/metrics", "accept-encoding: gzip\r\n");
    assert!(
        compressed.contains("content-encoding: gzip"),
        "{compressed}"
    );
    assert!(0 < length(&compressed) && length(&compressed) * 2 < length(&plain));
}

/// The age of the oldest sample, in seconds.
fn oldest(proxy: &Proxy) -> f64 {
    let status = proxy.status();
    let all = status["substations"].as_array().unwrap();
    let ages = all.iter().map(|one| one["sample_age_seconds"].as_f64());
    ages.map(|age| age.unwrap_or(f64::INFINITY))
        .fold(0.0, f64::max)
}

#[test]
fn samples_stay_fresh_while_pages_of_a_large_grid_are_asked_for_again_and_again() {
    let substations = Substations::start(&[100.0; MANY]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 1s}");
    until("a sample of each", || (oldest(&proxy) < 2.0).then_some(()));
    let (is_over, pages) = (AtomicBool::new(false), AtomicUsize::new(0));
    let ask = |admin: SocketAddr, path: &str| {
        let mut connection = Connection::open(admin);
        while !is_over.load(SeqCst) {
            connection.send(request("GET", path, "", ""));
            assert_eq!(connection.answer().status, 200);
            pages.fetch_add(1, SeqCst);
        }
    };
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let path = ["/metrics", "/status", "/config"][client % 3];
            scope.spawn(move || ask(proxy.admin, path));
        }
        let began = Instant::now();
        let mut worst: f64 = 0.0;
        while began.elapsed() < Duration::from_secs(5) {
            worst = worst.max(oldest(&proxy));
        }
        is_over.store(true, SeqCst);
        eprintln!("oldest sample {worst} s, {} pages", pages.load(SeqCst));
        assert!(worst < 3.0, "a sample was {worst} s old");
    });
}
