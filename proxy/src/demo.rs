//! The whole system in one process, for whoever meets it first: three substations of unequal capacity, the
//! proxy in front of them, and a rush hour, with a live table of what happens.
//!
//! Nothing here is a model of the system: the substations, the proxy and the load tester are the libraries
//! that their binaries run, and they talk over sockets. Only the ports bend: one that is taken is replaced.

mod table;

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use parking_lot::Mutex;
use requester::{Report, Steady};
use substation::Substation;
use thiserror::Error;
use tokio::{runtime, sync::oneshot};

use crate::{
    config::{self, Config},
    server::{self, Listeners},
};
use table::Table;

/// Unequal, so that an even load would be the wrong answer. In kW.
const CAPACITIES_KW: [f64; 3] = [4_000.0, 6_000.0, 10_000.0];
/// An hour of charging takes six seconds.
const TIME_SCALE: f64 = 600.0;
/// What each car asks for. At 200 cars a second, 60 % of all capacity.
const ENERGY_KWH: f64 = 10.0;
/// The contract's ports: the first of them that are free are taken.
const CHARGE_PORT: u16 = 8080;
const ADMIN_PORT: u16 = 9901;
const FIRST_SUBSTATION_PORT: u16 = 5001;
/// Longer than the parts need to start on a slow machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// What may be changed about the demo.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// How long the rush hour lasts
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    duration: Duration,
    /// Charge requests a second
    #[arg(long, value_name = "PER_SECOND", default_value_t = 200.0)]
    rate: f64,
    /// The same seed offers the same cars at the same times
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Why the demo could not be shown.
#[derive(Debug, Error)]
pub enum Error {
    /// A socket, a thread or the terminal.
    #[error("can't show the demo: {0}")]
    System(#[from] io::Error),
    /// The proxy did not start.
    #[error(transparent)]
    Server(#[from] server::Error),
    /// The demo's own configuration.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The demo's own substations.
    #[error(transparent)]
    Substation(#[from] substation::ConfigError),
    /// The rush hour.
    #[error(transparent)]
    Requester(#[from] requester::Error),
    /// The rush hour's target.
    #[error(transparent)]
    Target(#[from] requester::TargetError),
    /// The parts did not find each other.
    #[error("the proxy was not ready within {} s", PATIENCE.as_secs())]
    NotReady,
}

/// Shows the demo until its end or Ctrl-C. Blocks.
pub fn run(options: &Options) -> Result<(), Error> {
    let substations = Substations::start()?;
    let listeners = bind(&substations.addresses)?;
    let (charge, admin) = (listeners.1.charge_address()?, listeners.1.admin_address()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let proxy = thread::Builder::new().name("proxy".into()).spawn(move || {
        server::run(listeners.0, listeners.1, async {
            // A sender that is gone means the same as one that spoke.
            let _ = stopped.await;
        })
    })?;
    wait_until_ready(admin)?;

    println!(
        "Switchyard: {} charge requests a second for {}, on three substations of unequal capacity\n",
        options.rate,
        humantime::format_duration(options.duration)
    );
    println!("  charge      curl -X POST http://{charge}/request_charge -d '{{\"power_kw\": 22}}'");
    println!("  status      http://{admin}/status");
    println!("  metrics     http://{admin}/metrics");
    for (substation, address) in substations.all.iter().zip(&substations.addresses) {
        println!("  {:<11} http://{address}/metrics", substation.name());
    }
    println!();

    let (report, table) = rush_hour(options, charge, &substations.all)?;
    table.close(&report)?;
    drop(stop);
    // It ran on a thread of its own; a panic there has been printed already.
    if let Ok(ended) = proxy.join() {
        ended?;
    }
    Ok(())
}

fn rush_hour(
    options: &Options,
    charge: SocketAddr,
    substations: &[Substation],
) -> Result<(Report, Table), Error> {
    let mut steady = Steady::new(format!("http://{charge}").parse()?);
    steady.rate = options.rate;
    steady.duration = options.duration;
    steady.seed = options.seed;
    steady.energy_kwh = ENERGY_KWH;
    let table = Mutex::new(Table::new(substations, &CAPACITIES_KW));
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(requester::run(
        steady,
        |progress| table.lock().show(progress),
        async {
            // Without a handler Ctrl-C ends the process, which is as good.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        },
    ))?;
    Ok((report, table.into_inner()))
}

/// Substations on a thread of their own; they end with the process.
struct Substations {
    all: Vec<Substation>,
    addresses: Vec<SocketAddr>,
}

impl Substations {
    fn start() -> Result<Self, Error> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (mut all, mut addresses, mut ports) = (Vec::new(), Vec::new(), FIRST_SUBSTATION_PORT..);
        for (at, capacity_kw) in CAPACITIES_KW.into_iter().enumerate() {
            let mut config = substation::Config::new(format!("substation{}", at + 1), capacity_kw);
            config.time_scale = TIME_SCALE;
            let substation = Substation::new(config)?;
            let listener = prefer(ports.next().unwrap_or(0))?;
            addresses.push(listener.local_addr()?);
            all.push(substation.clone());
            runtime.spawn(async move {
                listener.set_nonblocking(true)?;
                let listener = tokio::net::TcpListener::from_std(listener)?;
                substation::run(substation, listener, std::future::pending()).await
            });
        }
        thread::Builder::new()
            .name("substations".into())
            .spawn(move || {
                runtime.block_on(std::future::pending::<()>());
            })?;
        Ok(Self { all, addresses })
    }
}

/// The proxy's configuration and its sockets, on the contract's ports where they are free.
fn bind(substations: &[SocketAddr]) -> Result<(Config, Listeners), Error> {
    let mut taken = None;
    for (charge, admin) in [(CHARGE_PORT, ADMIN_PORT), (0, 0)] {
        let listed: Vec<_> = substations
            .iter()
            .enumerate()
            .map(|(at, address)| format!("  - {{name: substation{}, address: {address}}}", at + 1))
            .collect();
        let yaml = format!(
            "listen: 127.0.0.1:{charge}\nadmin: {{listen: 127.0.0.1:{admin}}}\nsubstations:\n{}",
            listed.join("\n")
        );
        let config = Config::from_yaml(&yaml, "the demo's configuration")?;
        match Listeners::bind(&config) {
            Ok(listeners) => return Ok((config, listeners)),
            Err(error) => taken = Some(error),
        }
    }
    Err(taken.map_or(Error::NotReady, Error::Server))
}

/// A listener on this port, or on any if it is taken.
fn prefer(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)))
}

fn wait_until_ready(admin: SocketAddr) -> Result<(), Error> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if is_ready(admin).unwrap_or(false) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(Error::NotReady)
}

fn is_ready(admin: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(admin)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /ready HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
