//! The kinds of load, each with what is its own.

use std::path::PathBuf;
use std::time::Duration;

use requester::{Curve, Energy, Error, Hours, Load, Profile, grouped};

use super::{CarArgs, CommonArgs, help};

/// A name for the report, the load, and its cars with what they usually take.
pub(super) type Scenario<'a> = (String, Load, Option<(&'a CarArgs, Energy)>);

/// Offer a day's charging demand, or some hours of it, in less time.
///
/// Cars come at random, at the rate of a measured day, and take what was measured.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = help::ALL)]
pub(crate) struct RushHourArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,

    /// Where the cars are plugged in, and so when they come, and what they take: home, public or work.
    #[arg(long, value_name = "WHERE", default_value_t = Profile::Home)]
    profile: Profile,

    /// How many cars come in a whole day.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100_000.0,
        allow_negative_numbers = true
    )]
    sessions: f64,

    /// Which part of the day is offered, as HH:MM-HH:MM.
    #[arg(long, value_name = "HOURS", default_value_t = Hours::DAY)]
    hours: Hours,

    /// How long that part of the day is to take. Carries its unit. A day in 10m is 144 times as fast:
    /// start substations with --time-scale 144.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration)]
    duration: Duration,

    #[command(flatten)]
    cars: CarArgs,
}

/// Offer the same load from beginning to end.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = help::ALL)]
pub(crate) struct SteadyArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,

    /// Requests a second.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100.0,
        allow_negative_numbers = true
    )]
    rate: f64,

    /// For how long requests are offered. Carries its unit, such as 30s or 10m.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    duration: Duration,

    #[command(flatten)]
    cars: CarArgs,
}

/// What the shapes other than the steady one share.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ShapeArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,

    /// For how long requests are offered. Carries its unit.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "30s",
        value_parser = humantime::parse_duration
    )]
    duration: Duration,

    #[command(flatten)]
    cars: CarArgs,
}

/// Offer a load that jumps to a peak for the middle fifth of the time.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = help::ALL)]
pub(crate) struct SpikeArgs {
    #[command(flatten)]
    pub(crate) shape: ShapeArgs,

    /// Requests a second before and after.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100.0,
        allow_negative_numbers = true
    )]
    rate: f64,

    /// Requests a second at the peak.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1000.0,
        allow_negative_numbers = true
    )]
    peak: f64,
}

/// Offer one rate after the other, each for the same time: where does it stop keeping up?
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = help::ALL)]
pub(crate) struct StepArgs {
    #[command(flatten)]
    pub(crate) shape: ShapeArgs,

    /// Requests a second, one rate after the other.
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        default_value = "100,200,400,800",
        allow_negative_numbers = true
    )]
    rates: Vec<f64>,
}

/// Offer a load that rises from nothing, stays, and falls to nothing.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = help::ALL)]
pub(crate) struct TrapezoidArgs {
    #[command(flatten)]
    pub(crate) shape: ShapeArgs,

    /// Requests a second at the top.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 500.0,
        allow_negative_numbers = true
    )]
    rate: f64,

    /// What part of the time it rises, and then falls; at most 0.5.
    #[arg(
        long,
        value_name = "PART",
        default_value_t = 0.3,
        allow_negative_numbers = true
    )]
    ramp: f64,
}

/// Offer what was recorded, at the times at which it was recorded.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = help::ALL)]
pub(crate) struct ReplayArgs {
    /// CSV with a header. The column `at_seconds` has to be there; `power_kw`, `energy_kwh`, `malformed` and
    /// `unplug_after` may be. --offers writes such a file.
    #[arg(value_name = "FILE.csv")]
    pub(super) file: PathBuf,

    #[command(flatten)]
    pub(crate) common: CommonArgs,

    /// So many times as fast as it was recorded.
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = speed)]
    pub(super) speed: f64,
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
        Ok((
            name,
            Load::Curve(curve),
            Some((cars, Energy::Drawn(profile.energy()))),
        ))
    }
}

/// What all shapes but the rush hour have in common.
fn shaped<'a>(
    name: &str,
    duration: Duration,
    cars: &'a CarArgs,
    curve: impl FnOnce() -> Result<Curve, Error>,
) -> Result<Scenario<'a>, Error> {
    if duration.is_zero() {
        return Err(Error::Option {
            option: "--duration",
            value: format!("{duration:?}"),
            rule: "above 0, at most 366 days",
        });
    }
    let name = format!("{name} for {}", humantime::format_duration(duration));
    Ok((name, Load::Curve(curve()?), Some((cars, Energy::default()))))
}

impl SteadyArgs {
    pub(super) fn load(&self) -> Result<Scenario<'_>, Error> {
        let Self { rate, duration, .. } = *self;
        let name = format!("steady {rate}/s");
        shaped(&name, duration, &self.cars, || {
            Curve::steady(rate, duration)
        })
    }
}

impl ShapeArgs {
    fn load(
        &self,
        name: &str,
        curve: impl FnOnce(Duration) -> Result<Curve, Error>,
    ) -> Result<Scenario<'_>, Error> {
        shaped(name, self.duration, &self.cars, || curve(self.duration))
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
