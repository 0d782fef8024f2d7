//! Real substations (the library of the program), several in one background runtime.

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
    /// Starts one per capacity in kW.
    pub(crate) fn start(capacities_kw: &[f64]) -> Self {
        let configs = (1..).zip(capacities_kw);
        Self::of(configs.map(|(at, capacity)| Config::new(format!("s{at}"), *capacity)))
    }

    /// The same, each reporting its load on its answers.
    pub(crate) fn start_reporting(capacities_kw: &[f64], format: ReportFormat) -> Self {
        let configs = (1..).zip(capacities_kw);
        Self::of(configs.map(|(at, capacity)| Config {
            report_load: Some(format),
            ..Config::new(format!("s{at}"), *capacity)
        }))
    }

    /// Starts one per configuration.
    pub(crate) fn of(configs: impl IntoIterator<Item = Config>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (mut all, mut addresses) = (Vec::new(), Vec::new());
        for config in configs {
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
