//! The command line of the `requester` binary.

mod help;
mod scenario;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use requester::{Arrivals, Cars, Check, Energy, Load, Options, Powers, Target, Watch, read_csv};

pub(crate) use scenario::{
    ReplayArgs, RushHourArgs, SpikeArgs, SteadyArgs, StepArgs, TrapezoidArgs,
};

/// Sends charge requests to a proxy, and reports what became of them.
#[derive(Clone, Debug, Parser)]
#[command(name = "requester", version, after_long_help = help::ALL)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    RushHour(RushHourArgs),
    Steady(SteadyArgs),
    Spike(SpikeArgs),
    Step(StepArgs),
    Trapezoid(TrapezoidArgs),
    Replay(ReplayArgs),
    /// Print the JSON Schema of the report.
    Schema,
}

/// What all kinds of load have in common.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CommonArgs {
    /// Where the requests go, as http://HOST:PORT[/PATH]. The path is `/request_charge`, unless given.
    #[arg(long, value_name = "URL")]
    pub(crate) target: Target,

    /// From what all chance comes. The same seed offers the same requests at the same times.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// The most connections open at once; each needs an open file (ulimit -n). They are opened as needed,
    /// and the one used last is used next.
    #[arg(long, value_name = "MAX", default_value_t = 10_000)]
    connections: usize,

    /// So many clients are connected before the first request, and requests come from them in turn.
    #[arg(long, value_name = "N", default_value_t = 0)]
    clients: usize,

    /// How long an answer may take once the request is on its way. Carries its unit.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    timeout: Duration,

    /// The proxy's admin port, as http://HOST:PORT: its metrics are read while the run goes on, and those
    /// of all substations that it knows.
    #[arg(long, value_name = "URL", help_heading = "Watching")]
    admin: Option<Target>,

    /// A substation whose metrics are to be read, as [NAME=]http://HOST:PORT. The name is the one in its
    /// answers. May be repeated; not needed for those that --admin knows.
    #[arg(long, value_name = "URL", value_parser = named, help_heading = "Watching")]
    substation: Vec<(String, Target)>,

    /// How often metrics are read. Carries its unit.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "500ms",
        value_parser = humantime::parse_duration,
        help_heading = "Watching"
    )]
    watch_interval: Duration,

    /// Where to write the report as JSON, besides the summary on standard output; "-" writes JSON to
    /// standard output instead of the summary. The file appears complete or not at all.
    #[arg(long, value_name = "FILE", help_heading = "Reporting")]
    pub(crate) output: Option<PathBuf>,

    /// Where to write the report as a page to be looked at: one HTML file that needs no network.
    #[arg(long, value_name = "FILE", help_heading = "Reporting")]
    pub(crate) report: Option<PathBuf>,

    /// When the run has failed, such as 'p99>50ms' or 'errors>0.1%'. May be repeated. See below.
    #[arg(long, value_name = "CHECK", help_heading = "Reporting")]
    pub(crate) fail_if: Vec<Check>,

    /// Write what would be offered as CSV, which `replay` reads, and send nothing; "-" is standard output.
    #[arg(long, value_name = "FILE", help_heading = "Reporting")]
    pub(crate) offers: Option<PathBuf>,

    /// Show no progress on standard error.
    #[arg(long, help_heading = "Reporting")]
    pub(crate) quiet: bool,
}

/// What the cars are like.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CarArgs {
    /// How the gaps between requests are drawn: poisson, as cars come, or even, as a clock ticks.
    #[arg(long, value_name = "HOW", default_value_t = Arrivals::Poisson, help_heading = "Cars")]
    arrivals: Arrivals,

    /// What cars want to draw, in kW; several are equally likely. Without it: 3.7, 7.4, 11, 22 and 50,
    /// most often 11.
    #[arg(
        long,
        value_name = "KW",
        value_delimiter = ',',
        num_args = 1..,
        allow_negative_numbers = true,
        help_heading = "Cars"
    )]
    power_kw: Vec<f64>,

    /// What each car wants to take, in kWh: a number, or home, public or work for amounts as measured there,
    /// log-normally distributed. Without it: that of the profile in a rush hour, else 11.
    #[arg(
        long,
        value_name = "KWH",
        allow_negative_numbers = true,
        help_heading = "Cars"
    )]
    energy_kwh: Option<Energy>,

    /// What part of the cars, 0 to 1, is unplugged before it is full: its session is ended at the substation,
    /// after a random part of it. Needs --admin or --substation.
    #[arg(
        long,
        value_name = "PART",
        default_value_t = 0.0,
        allow_negative_numbers = true,
        help_heading = "Cars"
    )]
    early_unplug: f64,

    /// What part of the requests, 0 to 1, is malformed, in five ways. Each must be refused with a 4xx status.
    #[arg(
        long,
        value_name = "PART",
        default_value_t = 0.0,
        allow_negative_numbers = true,
        help_heading = "Cars"
    )]
    malformed: f64,
}

fn named(text: &str) -> Result<(String, Target), String> {
    let parsed = |url: &str| url.parse::<Target>().map_err(|error| error.to_string());
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && !name.contains('/') => {
            Ok((name.to_owned(), parsed(url)?))
        }
        _ => {
            let target = parsed(text)?;
            Ok((format!("{}:{}", target.host(), target.port()), target))
        }
    }
}

impl CarArgs {
    /// The cars, who take so much unless it is said.
    fn cars(&self, usual: Energy) -> Result<Cars, requester::Error> {
        let powers_kw = match self.power_kw.as_slice() {
            [] => Powers::default(),
            powers => Powers::even(powers)?,
        };
        Ok(Cars {
            powers_kw,
            energy_kwh: self.energy_kwh.unwrap_or(usual),
            malformed: self.malformed,
            early_unplug: self.early_unplug,
        })
    }
}

impl Command {
    /// The common part; the schema has none.
    pub(crate) fn common(&self) -> Option<&CommonArgs> {
        match self {
            Self::RushHour(args) => Some(&args.common),
            Self::Steady(args) => Some(&args.common),
            Self::Spike(args) => Some(&args.shape.common),
            Self::Step(args) => Some(&args.shape.common),
            Self::Trapezoid(args) => Some(&args.shape.common),
            Self::Replay(args) => Some(&args.common),
            Self::Schema => None,
        }
    }

    /// What the library is to do, or what is wrong with the arguments.
    pub(crate) fn options(&self, common: &CommonArgs) -> Result<Options, requester::Error> {
        let (scenario, load, cars) = match self {
            Self::RushHour(args) => args.load()?,
            Self::Steady(args) => args.load()?,
            Self::Spike(args) => args.load()?,
            Self::Step(args) => args.load()?,
            Self::Trapezoid(args) => args.load()?,
            // Its load is read from its file, once the rest is known to be right.
            Self::Replay(_) | Self::Schema => (String::new(), Load::Replay([].into()), None),
        };
        let mut options = Options {
            scenario,
            seed: common.seed,
            connections: common.connections,
            clients: common.clients,
            timeout: common.timeout,
            watch: Watch {
                admin: common.admin.clone(),
                substations: common.substation.clone(),
                interval: common.watch_interval,
            },
            ..Options::new(common.target.clone(), load)
        };
        if let Some((cars, usual)) = cars {
            options.arrivals = cars.arrivals;
            options.cars = cars.cars(usual)?;
            options.check()?;
        }
        Ok(options)
    }
}

impl ReplayArgs {
    /// Reads the file that is to be replayed.
    pub(crate) fn read(&self, options: &mut Options) -> Result<()> {
        let path: &Path = &self.file;
        let cannot = || format!("cannot replay {}", path.display());
        let file = File::open(path).with_context(cannot)?;
        let mut offers = read_csv(BufReader::new(file), options.seed).with_context(cannot)?;
        for offer in &mut offers {
            offer.at = offer.at.div_f64(self.speed);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        options.scenario = format!("replay of {name}");
        options.load = Load::Replay(offers.into());
        options.check().with_context(cannot)
    }
}

#[cfg(test)]
#[path = "cli/tests.rs"]
mod tests;
