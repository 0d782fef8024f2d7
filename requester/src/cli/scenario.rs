//! The kinds of load, each with its own options.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use requester::{Curve, Energy, Error, Hours, Load, Options, Profile, grouped, read_csv};

use switchyard_bounded::file::limited;

use super::cars::CarArgs;
use super::common::CommonArgs;
use super::help;

/// The most that is read of a file to replay, in bytes: some ten million requests. It may be a pipe, as from `zcat`.
const LARGEST_REPLAY: usize = 1 << 30;

/// The scenario's name for the report, its load, and its cars with their default energy.
pub(super) type Scenario<'a> = (String, Load, &'a CarArgs, Energy);

/// Offer a day's charging demand, or some hours of it, in less time.
///
/// Cars come at random, at the rate of a measured day, and take the energy that was measured.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = help::all())]
pub(crate) struct RushHourArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,

    /// Where the cars are plugged in, which decides when they come and how much they take: home,
    /// public or work.
    #[arg(long, value_name = "WHERE", default_value_t = Profile::Home)]
    profile: Profile,

    /// Cars in a whole day.
    #[arg(long, value_name = "N", default_value_t = 100_000.0)]
    sessions: f64,

    /// The part of the day to offer, as HH:MM-HH:MM.
    #[arg(long, value_name = "HOURS", default_value_t = Hours::DAY)]
    hours: Hours,

    /// How long that part of the day takes in the run, with a unit. A day in 10m is 144 times as
    /// fast: start substations with --time-scale 144.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration)]
    duration: Duration,

    #[command(flatten)]
    cars: CarArgs,
}

/// Offer the same rate throughout.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = help::all())]
pub(crate) struct SteadyArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,

    /// Requests a second.
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    rate: f64,

    /// How long to offer requests, with a unit, such as 30s or 10m.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    duration: Duration,

    #[command(flatten)]
    cars: CarArgs,
}

/// The options that the shapes other than the steady one share.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ShapeArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,

    /// How long to offer requests, with a unit.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    duration: Duration,

    #[command(flatten)]
    cars: CarArgs,
}

/// Offer a rate that jumps to a peak for the middle fifth of the time.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = help::all())]
pub(crate) struct SpikeArgs {
    #[command(flatten)]
    pub(super) shape: ShapeArgs,

    /// Requests a second before and after the peak.
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    rate: f64,

    /// Requests a second at the peak.
    #[arg(long, value_name = "N", default_value_t = 1000.0)]
    peak: f64,
}

/// Offer one rate after the other, each for the same time, to find where the target stops keeping
/// up.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = help::all())]
pub(crate) struct StepArgs {
    #[command(flatten)]
    pub(super) shape: ShapeArgs,

    /// Requests a second, one rate after the other.
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        default_value = "100,200,400,800"
    )]
    rates: Vec<f64>,
}

/// Offer a rate that rises from zero, stays constant, and falls to zero.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = help::all())]
pub(crate) struct TrapezoidArgs {
    #[command(flatten)]
    pub(super) shape: ShapeArgs,

    /// Requests a second at the top.
    #[arg(long, value_name = "N", default_value_t = 500.0)]
    rate: f64,

    /// Part of the time in which the rate rises, and again falls; at most 0.5.
    #[arg(long, value_name = "PART", default_value_t = 0.3)]
    ramp: f64,
}

/// Offer recorded requests, at their recorded times.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = help::all())]
pub(crate) struct ReplayArgs {
    /// CSV with a header. The column `at_seconds` is required; `power_kw`, `energy_kwh`,
    /// `malformed` and `unplug_after` are optional. --offers writes such a file.
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,

    #[command(flatten)]
    pub(super) common: CommonArgs,

    /// Speed-up: 2 replays twice as fast as recorded.
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
}

fn speed(text: &str) -> Result<f64, &'static str> {
    let speed = text
        .parse()
        .ok()
        .filter(|speed| (1e-6..=1e6).contains(speed));
    speed.ok_or("must be a number from 0.000001 to 1000000")
}

impl RushHourArgs {
    pub(super) fn load(&self) -> Result<Scenario<'_>, Error> {
        let Self {
            profile,
            sessions,
            hours,
            duration,
            cars,
            ..
        } = self;
        let curve = profile.curve(*sessions, *hours, *duration)?;
        let time = humantime::format_duration(*duration);
        let name = format!(
            "Rush hour: {hours} of a day of {} cars ({profile}) in {time}",
            grouped(*sessions)
        );
        let energy = Energy::Drawn(profile.energy());
        Ok((name, Load::Curve(curve), cars, energy))
    }
}

impl SteadyArgs {
    pub(super) fn load(&self) -> Result<Scenario<'_>, Error> {
        let Self { rate, duration, .. } = *self;
        let name = format!("steady {rate}/s");
        shaped(&name, duration, &self.cars, |duration| {
            Curve::steady(rate, duration)
        })
    }
}

/// The load of any shape other than the rush hour.
fn shaped<'a>(
    name: &str,
    duration: Duration,
    cars: &'a CarArgs,
    curve: impl FnOnce(Duration) -> Result<Curve, Error>,
) -> Result<Scenario<'a>, Error> {
    if duration.is_zero() {
        return Err(Error::duration("--duration", duration));
    }
    let name = format!("{name} for {}", humantime::format_duration(duration));
    Ok((name, Load::Curve(curve(duration)?), cars, Energy::default()))
}

impl ShapeArgs {
    fn load(
        &self,
        name: &str,
        curve: impl FnOnce(Duration) -> Result<Curve, Error>,
    ) -> Result<Scenario<'_>, Error> {
        shaped(name, self.duration, &self.cars, curve)
    }
}

impl SpikeArgs {
    pub(super) fn load(&self) -> Result<Scenario<'_>, Error> {
        let Self { rate, peak, .. } = *self;
        let name = format!("spike from {rate}/s to {peak}/s");
        self.shape
            .load(&name, |duration| Curve::spike(rate, peak, duration))
    }
}

impl StepArgs {
    pub(super) fn load(&self) -> Result<Scenario<'_>, Error> {
        let rates: Vec<_> = self.rates.iter().map(f64::to_string).collect();
        let name = format!("steps of {}/s", rates.join(", "));
        self.shape
            .load(&name, |duration| Curve::steps(&self.rates, duration))
    }
}

impl TrapezoidArgs {
    pub(super) fn load(&self) -> Result<Scenario<'_>, Error> {
        let Self { rate, ramp, .. } = *self;
        let name = format!("trapezoid up to {rate}/s");
        self.shape
            .load(&name, |duration| Curve::trapezoid(rate, ramp, duration))
    }
}

impl ReplayArgs {
    /// Reads the file to replay.
    pub(crate) fn read(&self, options: &mut Options) -> Result<()> {
        let path: &Path = &self.file;
        let cannot = || format!("cannot replay {}", path.display());
        let file = File::open(path).with_context(cannot)?;
        let mut offers = read_csv(BufReader::new(limited(file, LARGEST_REPLAY)), options.seed)
            .with_context(cannot)?;
        for offer in &mut offers {
            offer.at = offer.at.div_f64(self.speed);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        options.scenario = format!("replay of {name}");
        options.load = Load::Replay(offers.into());
        options.check().with_context(cannot)
    }
}
