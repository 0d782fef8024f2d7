//! The `simulate` binary: the command line around the library. `--help` says what it does.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use switchyard_simulator::{Trial, catalogue, plot, table};

mod overrides;

use overrides::Overrides;

const EXAMPLES: &str = "\
Examples:
  The tables of docs/balancing.md:
    simulate

  One scenario, more seeds, and a picture:
    simulate --scenario four_proxies --seeds 20 --svg four.svg

  Your own parameters: three proxies, one with half of the traffic, in front of four
  substations, with sessions of an hour and a poll every 5 s:
    simulate --scenario one_proxy --shares 2,1,1 --capacities 1,1,2,4 --rate 5 \\
      --session 1h --poll 5s

  Substations below feeders: how full the fullest level is, and what goes beyond a limit:
    simulate --scenario tree_full --scenario tree_full_of_four

  Rounds whose scrapes begin one after the other, within a quarter of the interval:
    simulate --scenario one_proxy --spread 0.25

What is compared:
  oracle               knows all true loads, and all requests on their way
  least_load, power_of_two, round_robin, random
                       Switchyard's policies on its ledger: the code that the proxy runs
  least_load, told     the same, told whether load outlives its answer, which the others learn
  plain ledger         least_load that learns nothing from round to round
  least connections    the fewest own requests in flight: HAProxy's leastconn
  least request of two the better of two at random by own requests in flight: Envoy's
  raw gauge            the lowest gauge of the last poll
  gauge + in flight    the same, plus own requests without an answer: what other proxies do
  Prequal              a pool of fresh probes that return true loads: as many as the others
                       have scrapes, or three with each request as published, which is many
                       times as many

How to read it: 1.000 is perfectly even. 1.5 means that the highest utilisation was 1.5 times
that of the fleet. Utilisation is load divided by capacity; for the fleet, total load by total
capacity. The first 30 s of each run are not measured, the next 60 s are.

With feeders (tree…) the fullest level decides, be it a substation or a feeder: its utilisation, the
bookings after which a feeder was beyond its bound, and how far at the worst. Only the oracle and
Switchyard's policies know feeders.

The same seed gives the same bytes; every contender gets the same cars at the same moments.";

/// Simulate how even each policy keeps the load, and print the results as Markdown.
///
/// Cars arrive at one or more proxies, and sessions run on ten substations. Each proxy knows only
/// the gauges that it polls and the answers that it gets. Time is simulated: ninety seconds of
/// 1,000 requests/s take about 0.1 s.
#[derive(Debug, Parser)]
#[command(name = "simulate", version, max_term_width = 100, after_long_help = EXAMPLES)]
struct Args {
    /// The first seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// How many seeds to run. Averages are taken over all of them, peaks are their worst.
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,

    /// Run only this scenario. May be repeated. By default all scenarios run but those with more cars
    /// than there is room for (`slightly_over` and the two after it) and those with feeders (`tree…`).
    #[arg(long, value_name = "NAME", value_parser = names())]
    scenario: Vec<String>,

    /// Also draw the outcomes as SVG into FILE.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    #[command(flatten)]
    overrides: Overrides,
}

fn names() -> PossibleValuesParser {
    catalogue::all()
        .into_iter()
        .chain(catalogue::overloaded())
        .chain(catalogue::trees())
        .map(|s| s.name)
        .collect::<Vec<_>>()
        .into()
}

fn main() -> ExitCode {
    match simulate(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "simulate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn simulate(args: &Args) -> Result<()> {
    let chosen = |name: &str| args.scenario.iter().any(|s| s == name);
    let trials: Vec<Trial> = catalogue::all()
        .iter()
        .filter(|scenario| args.scenario.is_empty() || chosen(scenario.name))
        .chain(
            catalogue::overloaded()
                .iter()
                .chain(&catalogue::trees())
                .filter(|scenario| chosen(scenario.name)),
        )
        .map(|scenario| Trial::run(&args.overrides.apply(scenario), args.seed, args.seeds))
        .collect();
    if let Some(file) = &args.svg {
        std::fs::write(file, plot::svg(&trials))
            .with_context(|| format!("could not write {}", file.display()))?;
    }
    io::stdout()
        .write_all(table::markdown(&trials).as_bytes())
        .context("could not write the tables")
}
