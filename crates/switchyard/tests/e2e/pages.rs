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

use crate::{rig::Proxy, substations::Substations};

/// So many that a page takes long beside a scrape.
const MANY: usize = 2_000;
/// Clients that ask for pages again and again.
const CLIENTS: usize = 4;

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
        let varies = if path == "/metrics" {
            "accept, accept-encoding"
        } else {
            "accept-encoding"
        };
        assert_eq!(plain.header("vary"), Some(varies), "{path}");
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
    let open = "gzip\r\naccept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    let open = get("/metrics", open);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open.header("content-type"), Some(kind));
    let mut text = String::new();
    let mut decoder = GzDecoder::new(&open.body[..]);
    decoder.read_to_string(&mut text).unwrap();
    assert!(text.contains("# TYPE switchyard_requests counter\n"));
    assert!(text.ends_with("\n# EOF\n"));
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

/// The age of the oldest sample of those that have one, in seconds.
fn oldest(proxy: &Proxy) -> f64 {
    let status = proxy.status();
    let all = status["substations"].as_array().unwrap();
    let ages = all.iter().map(|one| one["sample_age_seconds"].as_f64());
    ages.flatten().fold(0.0, f64::max)
}

/// How long the answer to a request takes.
fn time(proxy: &Proxy, path: &str) -> Duration {
    let began = Instant::now();
    assert_eq!(proxy.get(path).status, 200);
    began.elapsed()
}

#[test]
fn scrapes_and_short_answers_go_on_while_pages_of_a_large_grid_are_asked_for_again_and_again() {
    let substations = Substations::start(&[100.0; 3]);
    // Nothing listens there; the page has as much of them.
    let absent = (0..MANY).map(|at| SocketAddr::from(([127, 9, low(at / 250), low(at % 250)], 1)));
    let all: Vec<_> = substations
        .addresses
        .iter()
        .copied()
        .chain(absent)
        .collect();
    let proxy = Proxy::start(&all, "load: {interval: 2s}");
    let (is_over, pages) = (AtomicBool::new(false), AtomicUsize::new(0));
    let ask = || {
        let mut connection = Connection::open(proxy.admin);
        let mut fastest = Duration::MAX;
        while !is_over.load(SeqCst) {
            let began = Instant::now();
            connection.send(request("GET", "/metrics", "", ""));
            assert_eq!(connection.answer().status, 200);
            fastest = fastest.min(began.elapsed());
            pages.fetch_add(1, SeqCst);
        }
        fastest
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
        let began = Instant::now();
        let (mut oldest_sample, mut slowest): (f64, _) = (0.0, Duration::ZERO);
        while began.elapsed() < Duration::from_secs(8) {
            slowest = slowest.max(time(&proxy, "/live"));
            oldest_sample = oldest_sample.max(oldest(&proxy));
        }
        is_over.store(true, SeqCst);
        let fastest = clients.into_iter().map(|client| client.join().unwrap());
        let fastest = fastest.min().unwrap();
        let count = pages.load(SeqCst);
        eprintln!(
            "{count} pages, the fastest in {fastest:?}; /live at worst in {slowest:?}; a sample was {oldest_sample} s old"
        );
        assert!(count > CLIENTS);
        // Where it waits for pages, it waits for most of one.
        assert!(slowest < fastest / 4, "/live waited for a page");
        assert!(oldest_sample < 6.0, "scrapes waited for pages");
    });
}

fn low(number: usize) -> u8 {
    u8::try_from(number).unwrap()
}
