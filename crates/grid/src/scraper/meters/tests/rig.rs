//! Meters that tests can change, and a grid that reads them.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use switchyard_balance::Load;
use switchyard_config::Config;
use switchyard_telemetry::{Page, Registrar};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

use super::*;
use crate::{clock::Clock, feeders::FeederState, metrics::GridMetrics, scraper::Scraper};

const PATIENCE: Duration = Duration::from_secs(30);

/// A metrics page that tests can change. Empty, it is never answered.
pub(super) struct Gauge {
    pub(super) address: std::net::SocketAddr,
    text: Arc<Mutex<String>>,
    scrapes: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Gauge {
    pub(super) async fn of(text: &str) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), text).await
    }

    pub(super) async fn at(address: std::net::SocketAddr, text: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let text = Arc::new(Mutex::new(text.to_owned()));
        let scrapes = Arc::new(AtomicUsize::new(0));
        let serving = tokio::spawn(serve(listener, Arc::clone(&text), Arc::clone(&scrapes)));
        Self {
            address,
            text,
            scrapes,
            serving,
        }
    }

    pub(super) fn says(&self, text: &str) {
        text.clone_into(&mut self.text.lock().unwrap());
    }

    pub(super) fn scrapes(&self) -> usize {
        self.scrapes.load(SeqCst)
    }

    /// Ends it: its port refuses connections, and those that are open are closed.
    pub(super) async fn vanish(self) {
        self.serving.abort();
        let _ = self.serving.await;
    }
}

async fn serve(listener: TcpListener, text: Arc<Mutex<String>>, scrapes: Arc<AtomicUsize>) {
    let mut peers = tokio::task::JoinSet::new();
    while let Ok((mut peer, _)) = listener.accept().await {
        let (text, scrapes) = (Arc::clone(&text), Arc::clone(&scrapes));
        peers.spawn(async move {
            let mut received = [0; 1024];
            while peer.read(&mut received).await.is_ok_and(|read| read > 0) {
                scrapes.fetch_add(1, SeqCst);
                let page = text.lock().unwrap().clone();
                let length = page.len();
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{page}");
                if length > 0 && peer.write_all(answer.as_bytes()).await.is_err() {
                    break;
                }
            }
        });
    }
}

pub(super) struct Rig {
    metrics: GridMetrics,
    grids: watch::Sender<Arc<Grid>>,
    running: JoinHandle<()>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Rig {
    pub(super) fn new(yaml: &str) -> Self {
        let registry = prometheus::Registry::new();
        let metrics = GridMetrics::register(Registrar::new(&registry)).unwrap();
        let config = Config::from_yaml(yaml, "test").unwrap();
        let grid = Arc::new(Grid::new(&config, &metrics, Clock::start(), 1).unwrap());
        let (grids, receiver) = watch::channel(grid);
        Self {
            metrics,
            grids,
            running: tokio::spawn(Scraper::new(receiver, 1).run()),
        }
    }

    pub(super) fn grid(&self) -> Arc<Grid> {
        Arc::clone(&self.grids.borrow())
    }

    pub(super) fn reload(&self, yaml: &str) {
        let config = Config::from_yaml(yaml, "test").unwrap();
        let before = self.grid();
        let next = before.rebuild(&config, &self.metrics, &[], 1).unwrap();
        let next = Arc::new(next);
        self.grids.send_replace(Arc::clone(&next));
        before.retire(&next);
    }

    pub(super) fn feeder(&self, name: &str) -> Arc<Feeder> {
        Arc::clone(self.grid().find_feeder(name).unwrap())
    }

    pub(super) fn state(&self, name: &str) -> FeederState {
        let grid = self.grid();
        let mut views = grid.feeder_views();
        views.find(|view| view.name == name).unwrap().state
    }

    pub(super) fn current(&self, name: &str) -> Option<f64> {
        self.feeder(name).balance().current().map(Load::units)
    }

    /// A line of the metrics page.
    pub(super) fn line(&self, begin: &str) -> Option<String> {
        let mut page = Page::after(Vec::new(), "switchyard");
        self.grid().write_gauges(&mut page);
        let text = String::from_utf8(page.into_text()).unwrap();
        let mut lines = text.lines();
        let line = lines.find(|line| line.starts_with(begin))?;
        Some(line.rsplit_once(' ')?.1.to_owned())
    }
}

pub(super) fn samples(feeder: &Feeder) -> u64 {
    let sample = feeder.ledger().unwrap().last_sample();
    sample.map_or(0, |sample| sample.number)
}

pub(super) fn load(units: f64) -> Load {
    Load::new(units).unwrap()
}

pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "{what}");
}
