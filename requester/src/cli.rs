//! The command line of the `requester` binary.

mod cars;
mod common;
mod help;
mod scenario;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use requester::{Error, Load, Options};
use switchyard_command_line::Completions;

pub(crate) use common::CommonArgs;
pub(crate) use help::BUILD;
use scenario::{ReplayArgs, RushHourArgs, SpikeArgs, SteadyArgs, StepArgs, TrapezoidArgs};

/// Sends charge requests to a proxy, and reports what became of them.
#[derive(Clone, Debug, Parser)]
#[command(name = "requester", version = help::SHORT_VERSION.as_str(), long_version = help::LONG_VERSION.as_str())]
#[command(after_long_help = help::all())]
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
    Completions(Completions),
}

impl Args {
    /// Parses a command line, of which the first item is the program.
    pub(crate) fn read<T: Into<OsString> + Clone>(
        line: impl IntoIterator<Item = T>,
    ) -> Result<Self, clap::Error> {
        // So the answer to `--rate -1` is the rule for rates, not "unexpected argument".
        let command = Self::command().mut_subcommands(|command| {
            command.mut_args(|option| {
                let takes_values = option.get_action().takes_values();
                option.allow_negative_numbers(takes_values)
            })
        });
        let matches = command.try_get_matches_from(line)?;
        Self::from_arg_matches(&matches)
    }
}

impl Command {
    /// The options that all loads have; commands that offer none have none.
    pub(crate) fn common(&self) -> Option<&CommonArgs> {
        match self {
            Self::RushHour(args) => Some(&args.common),
            Self::Steady(args) => Some(&args.common),
            Self::Spike(args) => Some(&args.shape.common),
            Self::Step(args) => Some(&args.shape.common),
            Self::Trapezoid(args) => Some(&args.shape.common),
            Self::Replay(args) => Some(&args.common),
            Self::Schema | Self::Completions(_) => None,
        }
    }

    /// The options for the library, or the first invalid argument.
    pub(crate) fn options(&self, common: &CommonArgs) -> Result<Options, Error> {
        let scenario = match self {
            Self::RushHour(args) => Some(args.load()?),
            Self::Steady(args) => Some(args.load()?),
            Self::Spike(args) => Some(args.load()?),
            Self::Step(args) => Some(args.load()?),
            Self::Trapezoid(args) => Some(args.load()?),
            // A replay reads its load from its file, once all options are known to be valid.
            Self::Replay(_) | Self::Schema | Self::Completions(_) => None,
        };
        let access = common.access()?;
        let options = |load| Options {
            seed: common.seed,
            connections: common.connections,
            clients: common.clients,
            timeout: common.timeout,
            watch: common.watch(),
            labels: common.labels(),
            access: access.clone(),
            ..Options::new(common.target.clone(), load)
        };
        let Some((scenario, load, cars, energy)) = scenario else {
            return Ok(options(Load::Replay([].into())));
        };
        let options = Options {
            scenario,
            arrivals: cars.arrivals,
            cars: cars.cars(energy)?,
            ..options(load)
        };
        options.check()?;
        Ok(options)
    }
}

#[cfg(test)]
mod tests;
