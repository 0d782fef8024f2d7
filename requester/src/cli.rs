//! The command line of the `requester` binary.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use requester::{Arrivals, Powers, Steady, Target};

const EXAMPLES: &str = "\
Examples:
  100 requests a second for 10 s, as cars come:
    requester steady --target http://127.0.0.1:8080

  The same 30,000 requests each time, and the figures as JSON:
    requester steady --target http://127.0.0.1:8080 --rate 1000 --duration 30s \\
      --output run.json

  Only 22 and 50 kW cars, evenly spaced, one figure out of the report:
    requester steady --target http://127.0.0.1:8080 --power-kw 22,50 --arrivals even \\
      --quiet --output - | jq .latency_seconds.p99

The load is open: requests leave at times that were decided before the first one, whatever becomes of the
answers, and latency counts from those times. So a target that stalls shows it in every request that met the
stall. If the tester itself is late or runs out of connections, the report says so.

Each offered request ends as exactly one of: answered (with any status), connect (no connection), broken
(cut off before the answer was complete), timed_out, not_sent (all connections were busy).

On SIGINT or SIGTERM it offers no more, waits for the outstanding answers and reports; a second signal ends
it at once. Exit codes: 0 done, 1 it could not run or no request was answered with 2xx, 2 wrong usage.";

/// Sends charge requests to a proxy, and reports what became of them.
#[derive(Clone, Debug, Parser)]
#[command(name = "requester", version, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    Steady(SteadyArgs),
}

/// Offer the same load from beginning to end, and report what became of it.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct SteadyArgs {
    /// Where the requests go, as http://HOST:PORT[/PATH]. The path is `/request_charge`, unless given.
    #[arg(long, value_name = "URL")]
    target: Target,

    /// Requests a second.
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    rate: f64,

    /// For how long requests are offered. Carries its unit, such as 30s or 10m.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    duration: Duration,

    /// How the gaps between requests are drawn: poisson, as cars come, or even, as a clock ticks.
    #[arg(long, value_name = "HOW", default_value_t = Arrivals::Poisson)]
    arrivals: Arrivals,

    /// From what all chance comes. The same seed offers the same requests at the same times.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// What cars want to draw, in kW; several are equally likely. Without it: 3.7, 7.4, 11, 22 and 50,
    /// most often 11.
    #[arg(long, value_name = "KW", value_delimiter = ',', num_args = 1.., allow_negative_numbers = true)]
    power_kw: Vec<f64>,

    /// What each car wants to take, in kWh.
    #[arg(
        long,
        value_name = "KWH",
        default_value_t = 11.0,
        allow_negative_numbers = true
    )]
    energy_kwh: f64,

    /// The most connections open at once; each needs an open file (ulimit -n). They are opened as needed,
    /// and the one used last is used next.
    #[arg(long, value_name = "MAX", default_value_t = 10_000)]
    connections: usize,

    /// How long an answer may take once the request is on its way. Carries its unit.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    timeout: Duration,

    /// Where to write the report as JSON, besides the summary on standard output; "-" writes JSON to
    /// standard output instead of the summary. The file appears complete or not at all.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Show no progress on standard error.
    #[arg(long)]
    pub(crate) quiet: bool,
}

impl SteadyArgs {
    /// What the library is to do, or what is wrong with the arguments.
    pub(crate) fn options(&self) -> Result<Steady, String> {
        let powers_kw = match self.power_kw.as_slice() {
            [] => Ok(Powers::default()),
            powers => Powers::even(powers),
        };
        let options = Steady {
            target: self.target.clone(),
            rate: self.rate,
            duration: self.duration,
            seed: self.seed,
            connections: self.connections,
            powers_kw: powers_kw.map_err(|error| error.to_string())?,
            energy_kwh: self.energy_kwh,
            timeout: self.timeout,
            arrivals: self.arrivals,
        };
        options.check().map_err(|error| error.to_string())?;
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(more: &[&str]) -> Result<Steady, String> {
        let usual = ["requester", "steady", "--target", "http://127.0.0.1:8080"];
        let Command::Steady(args) = Args::parse_from(usual.iter().chain(more)).command;
        args.options()
    }

    #[test]
    fn without_options_it_is_the_librarys_default() {
        let target = "http://127.0.0.1:8080".parse().unwrap();
        let default = format!("{:?}", Steady::new(target));
        assert_eq!(format!("{:?}", options(&[]).unwrap()), default);
    }

    #[test]
    fn powers_come_as_a_list_or_one_by_one() {
        let expected = Powers::even(&[11.0, 22.0]).unwrap();
        for powers in [
            &["--power-kw", "11,22"][..],
            &["--power-kw", "11", "22"],
            &["--power-kw", "11", "--power-kw", "22"],
        ] {
            assert_eq!(options(powers).unwrap().powers_kw, expected);
        }
    }

    #[test]
    fn what_no_run_can_have_is_refused_by_its_option() {
        for (option, value) in [
            ("--rate", "0"),
            ("--power-kw", "-3"),
            ("--energy-kwh", "NaN"),
            ("--duration", "0s"),
            ("--connections", "0"),
        ] {
            let fault = options(&[option, value]).unwrap_err();
            assert!(fault.starts_with(option), "{fault}");
        }
    }
}
