//! Real substations (the library that its binary runs), several in one background runtime.

use std::net::SocketAddr;

use substation::{Config, ReportFormat, Substation};
use tokio::{net::TcpListener, runtime::Runtime};

/// Substations that run until dropped.
pub(crate) struct Substations {
    pub(crate) all: Vec<Substation>,
    pub(crate) addresses: Vec<SocketAddr>,
    _runtime: Runtime,
}

impl Substations {
    /// One for each capacity in kW.
    pub(crate) fn start(capacities_kw: &[f64]) -> Self {
        Self::start_reporting(capacities_kw, None)
    }

    /// The same, each saying its load on its answers.
    pub(crate) fn start_reporting(capacities_kw: &[f64], format: Option<ReportFormat>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (mut all, mut addresses) = (Vec::new(), Vec::new());
        for (at, capacity) in capacities_kw.iter().enumerate() {
            let config = Config {
                report_load: format,
                ..Config::new(format!("s{}", at + 1), *capacity)
            };
            let substation = Substation::new(config).unwrap();
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
            addresses.push(listener.local_addr().unwrap());
            runtime.spawn(substation::run(
                substation.clone(),
                listener,
                std::future::pending(),
            ));
            all.push(substation);
        }
        Self {
            all,
            addresses,
            _runtime: runtime,
        }
    }

    pub(crate) fn started(&self) -> Vec<u64> {
        self.all.iter().map(Substation::sessions_started).collect()
    }

    pub(crate) fn loads(&self) -> Vec<f64> {
        self.all.iter().map(Substation::current_load_kw).collect()
    }
}
