//! A server that answers as Prometheus does, or as it should not, and a scraper that asks it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use switchyard_balance::Load;
use switchyard_config::Config;
use switchyard_telemetry::{Page, Registrar};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

use crate::{Grid, GridMetrics, Scraper, Substation, clock::Clock};

const PATIENCE: Duration = Duration::from_secs(30);

/// What the server answers.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// Series, each with its label and its samples: seconds before now, and values.
    Series(Vec<(String, Vec<(f64, String)>)>),
    /// A status and a body.
    Raw(u16, String),
    /// Nothing, ever.
    Hang,
    /// The beginning of an answer, and its end before it is whole.
    Cut,
}

#[derive(Debug)]
pub(super) struct Server {
    reply: Mutex<Reply>,
    capacities: Mutex<Reply>,
    asked: Mutex<Vec<String>>,
    /// By how much its clock is ahead, in seconds.
    ahead: Mutex<f64>,
    began: f64,
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs_f64()
}

impl Server {
    fn body(&self, reply: &Reply) -> (u16, String) {
        let Reply::Series(series) = reply else {
            let Reply::Raw(status, body) = reply else {
                return (200, String::new());
            };
            return (*status, body.clone());
        };
        // Samples stay where they are while time goes on.
        let origin = self.began + *self.ahead.lock();
        let series = series.iter().map(|(label, samples)| {
            let samples = samples
                .iter()
                .map(|(before, value)| format!("[{:.3},\"{value}\"]", origin - before));
            let samples = samples.collect::<Vec<_>>().join(",");
            format!(
                r#"{{"metric":{{"__name__":"load","instance":"{label}"}},"values":[{samples}]}}"#
            )
        });
        let series = series.collect::<Vec<_>>().join(",");
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}"#
        );
        (200, body)
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((peer, _)) = listener.accept().await {
            tokio::spawn(Arc::clone(&self).answer(peer));
        }
    }

    async fn answer(self: Arc<Self>, mut peer: TcpStream) {
        let mut head = Vec::new();
        loop {
            let mut part = [0; 4096];
            match peer.read(&mut part).await {
                Ok(read) if read > 0 => head.extend_from_slice(&part[..read]),
                _ => return,
            }
            if !head.ends_with(b"\r\n\r\n") {
                continue;
            }
            let text = String::from_utf8(std::mem::take(&mut head)).unwrap();
            let is_range = text.contains("ms%5D");
            self.asked.lock().push(text);
            let reply = if is_range {
                self.reply.lock().clone()
            } else {
                self.capacities.lock().clone()
            };
            let (status, body) = self.body(&reply);
            let length = match reply {
                Reply::Hang => std::future::pending().await,
                Reply::Cut => 1_000,
                _ => body.len(),
            };
            let date = UNIX_EPOCH + Duration::from_secs_f64(now() + *self.ahead.lock());
            let answer = format!(
                "HTTP/1.1 {status} Whatever\r\ndate: {}\r\ncontent-length: {length}\r\n\r\n{body}",
                httpdate::fmt_http_date(date)
            );
            if peer.write_all(answer.as_bytes()).await.is_err() || matches!(reply, Reply::Cut) {
                return;
            }
        }
    }
}

/// A running scraper of substations that listen and never answer.
pub(super) struct Rig {
    pub(super) server: Arc<Server>,
    pub(super) grid: Arc<Grid>,
    grids: watch::Sender<Arc<Grid>>,
    metrics: GridMetrics,
    listeners: Vec<TcpListener>,
    prometheus: String,
    running: JoinHandle<()>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Rig {
    /// With `count` substations, named `s0` and so on, which are asked for every 100 ms. `keys` are more keys of
    /// `load.prometheus`, and `rest` is more of the file.
    pub(super) async fn new(count: usize, reply: Reply, keys: &str, rest: &str) -> Self {
        let mut listeners = Vec::new();
        for _ in 0..count {
            listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Arc::new(Server {
            reply: Mutex::new(reply),
            capacities: Mutex::new(Reply::Series(Vec::new())),
            asked: Mutex::default(),
            ahead: Mutex::default(),
            began: now(),
        });
        tokio::spawn(Arc::clone(&server).serve(listener));
        let prometheus =
            format!("{{url: \"{url}\", query: load, interval: 100ms, timeout: 300ms, {keys}}}");
        let registry = ::prometheus::Registry::new();
        let metrics = GridMetrics::register(Registrar::new(&registry)).unwrap();
        let config = config(&listeners, &prometheus, rest);
        let grid = Arc::new(Grid::new(&config, &metrics, Clock::start(), 1).unwrap());
        let (grids, next) = watch::channel(Arc::clone(&grid));
        let running = tokio::spawn(Scraper::new(next, 1).run());
        Self {
            server,
            grid,
            grids,
            metrics,
            listeners,
            prometheus,
            running,
        }
    }

    /// A reload after which there is one more substation.
    pub(super) async fn add_substation(&mut self) {
        self.listeners
            .push(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let config = config(&self.listeners, &self.prometheus, "");
        let grid = self.grid.rebuild(&config, &self.metrics, &[], 1).unwrap();
        let before = std::mem::replace(&mut self.grid, Arc::new(grid));
        self.grids.send(Arc::clone(&self.grid)).unwrap();
        before.retire(&self.grid);
    }

    /// Nothing listens at the address of the last substation any more.
    pub(super) fn close_last(&mut self) {
        self.listeners.pop();
    }

    pub(super) fn reply(&self, reply: Reply) {
        *self.server.reply.lock() = reply;
    }

    pub(super) fn capacities(&self, reply: Reply) {
        *self.server.capacities.lock() = reply;
    }

    pub(super) fn set_ahead(&self, seconds: f64) {
        *self.server.ahead.lock() = seconds;
    }

    /// How often the server was asked.
    pub(super) fn asked(&self) -> usize {
        self.server.asked.lock().len()
    }

    pub(super) fn last_question(&self) -> String {
        self.server.asked.lock().last().cloned().unwrap_or_default()
    }

    /// Waits until `rounds` more have been asked for and have ended.
    pub(super) async fn rounds(&self, rounds: usize) {
        let from = self.asked();
        self.until("rounds", |_| self.asked() > from + rounds).await;
    }

    pub(super) fn substation(&self, at: usize) -> &Arc<Substation> {
        &self.grid.substations()[at]
    }

    /// How many samples the ledger of a substation has taken.
    pub(super) fn samples(&self, at: usize) -> u64 {
        let sample = self.substation(at).ledger().last_sample();
        sample.map_or(0, |sample| sample.number)
    }

    pub(super) fn load(&self, at: usize) -> f64 {
        self.substation(at)
            .ledger()
            .value()
            .map_or(-1.0, Load::units)
    }

    pub(super) fn age(&self, at: usize) -> Duration {
        let sampled = self.substation(at).sampled_at().unwrap();
        self.grid.clock().now().since(sampled)
    }

    /// The value of a metric; 0 if it is not on the page.
    pub(super) fn metric(&self, name: &str) -> f64 {
        let mut page = Page::after(Vec::new(), "switchyard");
        self.grid.write_gauges(&mut page);
        self.metrics.write(&mut page);
        let page = String::from_utf8(page.into_text()).unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0.0, |value| value.trim().parse().unwrap())
    }

    /// How many rounds ended so.
    pub(super) fn ended(&self, outcome: &str) -> f64 {
        self.metric(&format!(
            "switchyard_load_queries_total{{outcome=\"{outcome}\",source=\"prometheus\"}}"
        ))
    }

    pub(super) async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let wait = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        assert!(timeout(PATIENCE, wait).await.is_ok(), "{what}");
    }
}

fn config(listeners: &[TcpListener], prometheus: &str, rest: &str) -> Config {
    let listed = listeners.iter().enumerate().map(|(at, listener)| {
        let address = listener.local_addr().unwrap();
        format!("{{name: s{at}, address: {address}}}")
    });
    let listed = listed.collect::<Vec<_>>().join(", ");
    let yaml = format!("load: {{prometheus: {prometheus}}}\nsubstations: [{listed}]\n{rest}");
    Config::from_yaml(&yaml, "test").unwrap()
}

/// One series for each of these.
pub(super) fn series(all: &[(&str, &[(f64, &str)])]) -> Reply {
    let one = |(label, samples): &(&str, &[(f64, &str)])| {
        let samples = samples
            .iter()
            .map(|(before, value)| (*before, (*value).to_owned()));
        ((*label).to_owned(), samples.collect())
    };
    Reply::Series(all.iter().map(one).collect())
}
