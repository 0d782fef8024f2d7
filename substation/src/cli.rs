//! The command line of the `substation` binary.

mod help;

use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
pub(crate) use help::BUILD;
use rustls::ServerConfig;
use substation::{Config, ConfigError, ReportFormat, TlsError};
use switchyard_address::{check_host, first};
use switchyard_command_line::Completions;
use switchyard_wire::LARGEST_LOAD;

/// Simulated charging substations.
///
/// Each books charge sessions up to its capacity, holds their load for as long as a car would charge, and
/// exports that load to Prometheus as the gauge `substation_current_load`. A session draws its power for
/// energy / power hours, divided by the time scale.
#[derive(Clone, Debug, Parser)]
#[command(name = "substation", version = help::SHORT_VERSION.as_str(), long_version = help::LONG_VERSION.as_str())]
#[command(after_long_help = help::below())]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: Option<Args>,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the health of a running substation, for container engines: exits with 0 or 1
    Healthcheck {
        /// URL that must answer with 200
        #[arg(
            long,
            value_name = "URL",
            default_value = "http://127.0.0.1:5001/ready"
        )]
        url: String,
        /// With https, the authorities that may have signed the certificate (PEM); by default those of the system
        #[arg(long, value_name = "FILE")]
        ca: Option<PathBuf>,
    },
    Completions(Completions),
}

/// The substations to run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Name in responses and session ids. The default is the host's name, which differs between the
    /// containers of one image. With --count above 1, a number is appended.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Address to listen on. With --count, the first of that many consecutive ports; port 0: any free ports.
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_address)]
    pub(crate) listen: SocketAddr,

    /// The most power that running sessions may draw together, in kW. A comma list repeats over --count.
    #[arg(long, value_name = "KW", value_delimiter = ',', required = true, value_parser = parse_kw)]
    pub(crate) capacity_kw: Vec<f64>,

    /// How many substations to run in this process.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) count: u16,

    /// How much faster than the wall clock cars charge: at 60, an hour takes a minute.
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub(crate) time_scale: f64,

    /// Power of a session whose request names none, in kW.
    #[arg(long, value_name = "KW", default_value_t = 11.0)]
    pub(crate) default_power_kw: f64,

    /// Energy of a session whose request names none, in kWh.
    #[arg(long, value_name = "KWH", default_value_t = 11.0)]
    pub(crate) default_energy_kwh: f64,

    /// Delay before a charge is booked and answered; other requests are answered at once. Needs a unit, such
    /// as 5ms. A comma list repeats over --count.
    #[arg(long, value_name = "DURATION", value_delimiter = ',', default_value = "0s", value_parser = humantime::parse_duration)]
    pub(crate) answer_after: Vec<Duration>,

    /// --answer-after applies from so long after the start. Needs a unit.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = humantime::parse_duration)]
    pub(crate) slow_from: Duration,

    /// --answer-after applies for so long, and then no more; by default it does not end. Needs a unit.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) slow_for: Option<Duration>,

    /// The most connections that wait to be accepted, for each substation; the kernel drops attempts beyond them.
    #[arg(long, value_name = "N", default_value = "1024", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) backlog: u32,

    /// Answer a charge only when its session ends, as an inference server does: its load lasts as long as the
    /// request. A client that leaves ends its session.
    #[arg(long)]
    pub(crate) hold: bool,

    /// Report the load on each response to a charge, in the header `endpoint-load-metrics`: text or json.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) report_load: Option<ReportFormat>,

    /// How long a stop waits for running sessions; those that still run then end with the process. Needs a
    /// unit, such as 10s or 1m.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = humantime::parse_duration)]
    pub(crate) grace: Duration,

    /// Folder for a journal of each substation, NAME.journal: bookings are written there before they are
    /// answered, so that sessions and Idempotency-Keys survive a killed process.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) journal: Option<PathBuf>,

    /// Serve HTTPS, with this certificate (PEM; its own first, then the ones that lead to a root).
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_certificate: Option<PathBuf>,

    /// The private key of --tls-certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Serve only clients that show a certificate which an authority in this file has signed (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) client_ca: Option<PathBuf>,

    /// Threads for all substations together. One serves a thousand substations.
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) threads: NonZeroUsize,
}

/// One substation to run.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) config: Config,
    pub(crate) listen: SocketAddr,
}

impl Args {
    /// The substations of these arguments, or what is wrong with the arguments.
    pub(crate) fn plan(&self) -> Result<Vec<Planned>, String> {
        let first = self.listen.port();
        let last = first.checked_add(self.count - 1);
        let Some(last) = last.filter(|_| first != 0).or((first == 0).then_some(0)) else {
            return Err(format!(
                "--count {} from port {first} goes beyond port 65535; listen on a lower port",
                self.count
            ));
        };
        let name = self.name.clone().unwrap_or_else(host_name);
        // With port 0 each gets a free port of its own.
        let ports = (first..=last).chain(std::iter::repeat(0));
        let numbered = (1..=self.count)
            .zip(ports)
            .zip(self.capacity_kw.iter().cycle())
            .zip(self.answer_after.iter().cycle());
        numbered
            .map(|(((number, port), capacity_kw), answer_after)| {
                let name = match self.count {
                    1 => name.clone(),
                    _ => format!("{name}{number}"),
                };
                let journal = self.journal.as_ref();
                let config = Config {
                    journal: journal.map(|folder| folder.join(format!("{name}.journal"))),
                    time_scale: self.time_scale,
                    default_power_kw: self.default_power_kw,
                    default_energy_kwh: self.default_energy_kwh,
                    answer_after: *answer_after,
                    slow_from: self.slow_from,
                    slow_for: self.slow_for,
                    hold: self.hold,
                    report_load: self.report_load,
                    ..Config::new(name, *capacity_kw)
                };
                Ok(Planned {
                    config,
                    listen: SocketAddr::new(self.listen.ip(), port),
                })
            })
            .collect()
    }
}

impl Args {
    /// What TLS with clients needs, if they speak it, or which file does not fit.
    pub(crate) fn tls(&self) -> Result<Option<Arc<ServerConfig>>, String> {
        let (Some(certificate), Some(key)) = (&self.tls_certificate, &self.tls_key) else {
            return Ok(None);
        };
        let client_ca = self.client_ca.as_deref();
        let at = |option: &str, file: Option<&Path>, rule: &TlsError| {
            let file = file.unwrap_or(Path::new("")).display();
            format!("{option} {file}: {rule}")
        };
        substation::tls(certificate, key, client_ca)
            .map(Some)
            .map_err(|error| match &error {
                TlsError::Certificate(_) => at("--tls-certificate", Some(certificate), &error),
                TlsError::Key(_) => at("--tls-key", Some(key), &error),
                TlsError::ClientCa(_) => at("--client-ca", client_ca, &error),
                error => error.to_string(),
            })
    }
}

/// The host's name. If it is no valid name of a substation, `Config` says why.
fn host_name() -> String {
    nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Names the option that a refused configuration came from.
pub(crate) fn usage(error: &ConfigError) -> String {
    let option = match error {
        ConfigError::Name { .. } => "--name",
        ConfigError::Capacity { .. } => "--capacity-kw",
        ConfigError::TimeScale(_) => "--time-scale",
        ConfigError::DefaultPower { .. } => "--default-power-kw",
        ConfigError::DefaultEnergy { .. } => "--default-energy-kwh",
        ConfigError::Journal { .. } => "--journal",
        _ => return error.to_string(),
    };
    format!("{option}: {error}")
}

/// Checks every item of a list, also those that this count does not use.
fn parse_kw(text: &str) -> Result<f64, String> {
    let hint = "must be a number above 0, such as 500, or a comma list, such as 500,300";
    match text.parse::<f64>() {
        Ok(kw) if kw.is_finite() && kw > LARGEST_LOAD => {
            Err(format!("must be at most {LARGEST_LOAD:e}"))
        }
        Ok(kw) if kw.is_finite() && kw > 0.0 => Ok(kw),
        _ => Err(hint.to_owned()),
    }
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let hint = "must be HOST:PORT, such as 127.0.0.1:5001 or 0.0.0.0:5001";
    if let Some((host, _)) = text.rsplit_once(':') {
        check_host(host).map_err(|ambiguous| format!("{hint}; {host} {ambiguous}"))?;
    }
    match text.to_socket_addrs() {
        Ok(found) => first(found).ok_or_else(|| format!("{hint}; this host has no address")),
        Err(error) => Err(format!("{hint} ({error})")),
    }
}

#[cfg(test)]
mod tests;
