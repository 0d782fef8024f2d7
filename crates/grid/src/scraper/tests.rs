//! Rounds over real sockets.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use switchyard_balance::{Load, Reading};
use switchyard_config::Config;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::timeout,
};

use super::*;
use crate::{clock::Clock, metrics::GridMetrics};

const PATIENCE: Duration = Duration::from_secs(30);

/// Answers scrapes, and counts them; a silent one reads them and never answers.
async fn substation(listener: TcpListener, is_silent: bool, scrapes: Arc<AtomicUsize>) {
    let page = "substation_current_load 7\n";
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{page}",
        page.len()
    );
    while let Ok((mut peer, _)) = listener.accept().await {
        let (scrapes, answer) = (Arc::clone(&scrapes), answer.clone());
        tokio::spawn(async move {
            let mut received = [0; 1024];
            while peer.read(&mut received).await.is_ok_and(|read| read > 0) {
                scrapes.fetch_add(1, SeqCst);
                if !is_silent && peer.write_all(answer.as_bytes()).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// A scraper of `count` substations, of which the first is silent, and how often each was scraped.
async fn scraped(count: usize, rest: &str) -> (Arc<Grid>, Scraper, Vec<Arc<AtomicUsize>>) {
    let mut listed = Vec::new();
    let mut counts = Vec::new();
    for at in 0..count {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        listed.push(format!("{{name: s{at}, address: {address}}}"));
        let counted = Arc::new(AtomicUsize::new(0));
        tokio::spawn(substation(listener, at == 0, Arc::clone(&counted)));
        counts.push(counted);
    }
    let yaml = format!("{rest}\nsubstations: [{}]\n", listed.join(", "));
    let config = Config::from_yaml(&yaml, "test").unwrap();
    let registry = prometheus::Registry::new();
    let metrics = GridMetrics::register(switchyard_telemetry::Registrar::new(&registry)).unwrap();
    let grid = Arc::new(Grid::new(&config, &metrics, Clock::start(), 1).unwrap());
    let (_, grids) = watch::channel(Arc::clone(&grid));
    let scraper = Scraper::new(grids, 1);
    (grid, scraper, counts)
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "{what}");
}

#[tokio::test]
async fn in_every_group_of_a_round_each_is_scraped_and_one_that_hangs_delays_none() {
    let (grid, scraper, counts) = scraped(50, "load: {interval: 100ms, timeout: 1m}").await;
    let running = tokio::spawn(scraper.run());
    let samples = |at: usize| {
        let sample = grid.substations()[at].ledger().last_sample();
        sample.map_or(0, |sample| sample.number)
    };
    until("each but the silent one brings five samples", || {
        (1..50).all(|at| samples(at) >= 5)
    })
    .await;
    running.abort();
    assert_eq!(samples(0), 0);
    assert_eq!(counts[0].load(SeqCst), 1, "a scrape of it is under way");
}

#[tokio::test]
async fn the_first_round_waits_for_no_interval() {
    let (grid, scraper, _) =
        scraped(50, "load: {interval: 5m, timeout: 100ms, stale_after: 20m}").await;
    let running = tokio::spawn(scraper.run());
    // In far less than the interval.
    until("the grid is ready", || grid.is_ready()).await;
    running.abort();
}

#[tokio::test]
async fn what_the_process_before_books_last_proves_no_other_proxy() {
    let (grid, scraper, _) = scraped(2, "").await;
    let shared = &grid.shared;
    let mut load = 0.0;
    let mut learn = || {
        load += 50.0;
        for (at, substation) in (1..).zip(grid.substations()) {
            let ledger = substation.ledger();
            let reading = Reading {
                load: Load::new(load * f64::from(at)).unwrap(),
                capacity: Load::new(10_000.0),
            };
            ledger.sample(ledger.scrape_sent(), reading);
        }
        scraper.learn();
        let is_alone = shared.learning.lock().share.is_alone();
        assert!(!is_alone || (grid.roster().share() - 1.0).abs() < 1e-9);
        is_alone
    };
    let (now, minute) = (grid.clock().now(), Duration::from_mins(1));
    shared.predecessor().begin(now, minute, minute);
    assert!(learn() && learn() && learn());
    grid.predecessor_ended();
    assert!(!learn(), "there is another proxy");
}
