//! Starts the parts of the system in this process, on free ports.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    thread,
    time::{Duration, Instant},
};

use substation::Substation;
use tokio::runtime;

use super::{Error, PATIENCE};
use switchyard_config::Config;
use switchyard_process::http::Client;
use switchyard_proxy::server::Listeners;

/// The usual ports, used where they are free.
const CHARGE_PORT: u16 = 8080;
const ADMIN_PORT: u16 = 9901;
const FIRST_SUBSTATION_PORT: u16 = 5001;

/// A port that was in use, and the address that replaces it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Moved {
    pub(super) usual: u16,
    pub(super) now: SocketAddr,
}

impl Moved {
    /// Of a listener that usually has this port; none if it has it.
    fn from(usual: u16, now: SocketAddr) -> Option<Self> {
        (now.port() != usual).then_some(Self { usual, now })
    }
}

/// A substation that is to be.
pub(super) struct Site {
    pub(super) name: String,
    pub(super) capacity_kw: f64,
}

/// Substations of these capacities, called by their numbers.
pub(super) fn numbered(capacities_kw: &[f64]) -> Vec<Site> {
    let sites = (1..).zip(capacities_kw).map(|(number, kw)| Site {
        name: format!("substation{number}"),
        capacity_kw: *kw,
    });
    sites.collect()
}

/// The part of a configuration that lists substations.
pub(super) fn listed(substations: &Substations) -> String {
    let each = substations.all.iter().zip(&substations.addresses);
    let each =
        each.map(|(one, address)| format!("  - {{name: {}, address: {address}}}\n", one.name()));
    format!("substations:\n{}", each.collect::<String>())
}

/// Substations on a thread of their own, until the process ends.
pub(super) struct Substations {
    pub(super) all: Vec<Substation>,
    pub(super) addresses: Vec<SocketAddr>,
}

impl Substations {
    pub(super) fn start(sites: &[Site], time_scale: f64) -> Result<Self, Error> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (mut all, mut addresses, mut ports) = (Vec::new(), Vec::new(), FIRST_SUBSTATION_PORT..);
        for site in sites {
            let mut config = substation::Config::new(&site.name, site.capacity_kw);
            config.time_scale = time_scale;
            let substation = Substation::new(config)?;
            let listener = bind_or_any(ports.next().unwrap_or(0))?;
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

    /// The usual ports that were in use, of the proxy (charge and admin) and of the substations.
    pub(super) fn moved(&self, (charge, admin): (SocketAddr, SocketAddr)) -> Vec<Moved> {
        let proxy = [(CHARGE_PORT, charge), (ADMIN_PORT, admin)];
        let substations = (FIRST_SUBSTATION_PORT..).zip(self.addresses.iter().copied());
        let all = proxy.into_iter().chain(substations);
        all.filter_map(|(usual, now)| Moved::from(usual, now))
            .collect()
    }
}

/// The proxy's configuration, of which `substations` is a part, and its sockets, on the usual ports where they are free.
pub(super) fn bind(substations: &str) -> Result<(Config, Listeners), Error> {
    let mut taken = None;
    // Only a port that is in use is replaced.
    for (charge, admin) in [
        (CHARGE_PORT, ADMIN_PORT),
        (CHARGE_PORT, 0),
        (0, ADMIN_PORT),
        (0, 0),
    ] {
        let yaml = format!(
            "listen: 127.0.0.1:{charge}\nadmin: {{listen: 127.0.0.1:{admin}}}\n{substations}"
        );
        let config = Config::from_yaml(&yaml, "the demo's configuration")?;
        match Listeners::bind(&config) {
            Ok(listeners) => return Ok((config, listeners)),
            Err(error) => taken = Some(error),
        }
    }
    Err(taken.map_or(Error::NotReady, Error::Server))
}

/// A listener on this port, or on any free port if it is in use.
fn bind_or_any(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)))
}

pub(super) fn wait_until_ready(admin: SocketAddr, deadline: Instant) -> Result<(), Error> {
    let client = Client::new(admin.to_string(), PATIENCE);
    while Instant::now() < deadline {
        if client
            .get("/ready")
            .is_ok_and(|answer| answer.status() == 200)
        {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(Error::NotReady)
}
