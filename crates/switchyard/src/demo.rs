//! The demo: the whole system in one process, with three substations of unequal capacity or a small town, the proxy in
//! front of them, a rush hour, and a live table of what happens.
//!
//! Nothing is simulated: the substations, the proxy and the load generator are the libraries of their programs, and
//! they talk over sockets. Only the ports may differ: a port that is in use is replaced by a free one.

mod parts;
mod town;
mod words;

use std::{
    fmt::Display,
    future::pending,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use requester::{
    Cars, Check, Curve, Energy, Hours, Html, Load, Output, Profile, ProgressView, Report, Summary,
    Watch, grouped,
};
use thiserror::Error;
use tokio::{runtime, sync::oneshot};

use switchyard_config as config;
use switchyard_proxy::server::{self, Ending};
use switchyard_tls::Credentials;

use parts::{Substations, bind, listed, numbered, wait_until_ready};
use town::Town;

/// Capacity of each substation, in kW per car of a day. Unequal, so that equal loads would be wrong. Together they
/// suffice for the evening, with little to spare.
const KW_PER_CAR: [f64; 3] = [0.6, 0.9, 1.5];
/// How long the proxy may take to become ready: more than it needs on a slow machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// The options of the demo.
#[derive(Clone, Debug, Args)]
// A later option overrides an earlier one, so that callers can override the options of a recipe.
#[command(args_override_self = true)]
pub(crate) struct Options {
    /// How long the rush hour lasts
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration)]
    duration: Duration,
    /// Number of cars in a whole day; the substations grow with it
    #[arg(long, value_name = "N", default_value_t = 30_000.0)]
    sessions: f64,
    /// The part of the day to show
    #[arg(long, value_name = "HH:MM-HH:MM", default_value = "16:00-22:00")]
    hours: Hours,
    /// Seed of the random cars: the same seed brings the same cars at the same times
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the HTML report to FILE
    #[arg(long, value_name = "FILE", default_value = "switchyard-demo.html")]
    report: PathBuf,
    /// Write the report as JSON to FILE
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show a small town instead: a transformer, three feeders (one with a meter and houses), eight sites and two kinds
    /// of connectors. The report says how full each limit got; check it with --fail-if 'over>0'
    #[arg(long)]
    grid: bool,
    /// Keep the proxy and the substations running after the rush hour, until Ctrl-C
    #[arg(long)]
    stay: bool,
    /// Fail if this holds, such as 'lost>0': see `requester --help`. May be repeated
    #[arg(long, value_name = "CHECK")]
    fail_if: Vec<Check>,
}

/// Why the demo failed.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// A socket, a thread or the terminal failed.
    #[error("can't run the demo: {0}")]
    System(#[from] io::Error),
    /// A file of the report can't be written.
    #[error("can't write {}: {source}; pass another --report or --output", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The report can't be written as JSON, which is a bug in the requester.
    #[error("can't write the report as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The proxy did not start.
    #[error(transparent)]
    Server(#[from] server::Error),
    /// The demo's configuration of the proxy is wrong.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The demo's configuration of a substation is wrong.
    #[error(transparent)]
    Substation(#[from] substation::ConfigError),
    /// The rush hour failed.
    #[error(transparent)]
    Requester(#[from] requester::Error),
    /// The rush hour's target is wrong.
    #[error(transparent)]
    Target(#[from] requester::TargetError),
    /// The proxy had no samples in time.
    #[error("the proxy was not ready within {} s", PATIENCE.as_secs())]
    NotReady,
    /// It ran, and `--fail-if` checks failed.
    #[error("{0} of the checks failed; the summary says which")]
    Failed(usize),
}

/// Runs the demo until its end or Ctrl-C. Blocks.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let Options {
        sessions,
        hours,
        duration,
        ..
    } = *options;
    let curve = Profile::Home.curve(sessions, hours, duration)?;
    // Before the run, so that a folder without write access fails at once and not after a minute.
    let page = prepare(&options.report)?;
    let json = options.output.as_deref().map(prepare).transpose()?;
    let town = options.grid.then(|| Town::of(sessions));
    let sites = match &town {
        Some(town) => town.sites(),
        None => numbered(&KW_PER_CAR.map(|kw| kw * sessions)),
    };
    // Cars charge faster by the same factor by which they arrive faster.
    let time_scale = hours.span().as_secs_f64() / duration.as_secs_f64();
    let substations = Substations::start(&sites, time_scale)?;
    let listed = match &town {
        Some(town) => {
            let meter = town.start_meter(&substations.all, duration)?;
            town.yaml(&substations.addresses, meter)
        }
        None => listed(&substations),
    };
    let (config, listeners) = bind(&listed)?;
    let (charge, admin) = (listeners.charge_address()?, listeners.admin_address()?);
    let mut run = run_options(options, curve, charge, admin)?;
    if let Some(town) = &town {
        run.labels = Town::labels();
        run.watch.feeders = town.watched();
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let proxy = thread::Builder::new().name("proxy".into()).spawn(move || {
        let credentials = Credentials::default();
        server::run(config, None, credentials, listeners, |gate| async move {
            gate.open();
            // A dropped sender means stop, as a message does.
            let _ = stopped.await;
            Ending::Stop
        })
    })?;
    wait_until_ready(admin, Instant::now() + PATIENCE)?;

    let moved = substations.moved((charge, admin));
    let cars = run.offers().count();
    let greeting = words::greeting(options, cars, (charge, admin), &substations, &moved);
    say(greeting);
    let (mut report, interrupted) = rush_hour(run)?;
    report.checks = options
        .fail_if
        .iter()
        .map(|check| check.judge(&report))
        .collect();
    say(format_args!("\n{}", Summary(&report)));
    page.write(Html(&report).to_string().as_bytes())
        .map_err(|source| unwritable(&options.report, source))?;
    if let (Some(json), Some(path)) = (json, &options.output) {
        let figures = serde_json::to_vec_pretty(&report)?;
        json.write(&figures)
            .map_err(|source| unwritable(path, source))?;
    }
    let stays = options.stay && !interrupted;
    let farewell = words::farewell(&options.report, admin, stays);
    if stays {
        say_until_interrupt(farewell)?;
    } else {
        say(farewell);
    }
    drop(stop);
    // A panic of the proxy's thread has been printed already.
    if let Ok(ended) = proxy.join() {
        ended?;
    }
    match report.checks.iter().filter(|check| !check.passed).count() {
        0 => Ok(()),
        failed => Err(Error::Failed(failed)),
    }
}

fn prepare(path: &Path) -> Result<Output, Error> {
    Output::prepare(path).map_err(|source| unwritable(path, source))
}

fn unwritable(path: &Path, source: io::Error) -> Error {
    Error::Report {
        path: path.to_owned(),
        source,
    }
}

/// Prints a line. A closed standard output ends nothing: the run goes on, and its files are still to be written.
fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// The rush hour: what the load generator offers, and where.
fn run_options(
    options: &Options,
    curve: Curve,
    charge: SocketAddr,
    admin: SocketAddr,
) -> Result<requester::Options, Error> {
    let Options {
        sessions,
        hours,
        duration,
        seed,
        ..
    } = *options;
    let scenario = format!(
        "Rush hour: {hours} of a day of {} cars in {}",
        grouped(sessions),
        humantime::format_duration(duration)
    );
    Ok(requester::Options {
        scenario,
        seed,
        cars: Cars {
            energy_kwh: Energy::Drawn(Profile::Home.energy()),
            ..Cars::default()
        },
        watch: Watch {
            admin: Some(format!("http://{admin}").parse()?),
            ..Watch::default()
        },
        ..requester::Options::new(format!("http://{charge}").parse()?, Load::Curve(curve))
    })
}

/// Runs the rush hour. The second result says whether Ctrl-C ended it.
fn rush_hour(run: requester::Options) -> Result<(Report, bool), Error> {
    let progress_view = ProgressView::new();
    let interrupted = AtomicBool::new(false);
    let shutdown = async {
        switchyard_process::signals::interrupted().await;
        interrupted.store(true, Relaxed);
    };
    let report = runtime()?.block_on(requester::run(
        run,
        |progress| progress_view.show(progress),
        shutdown,
    ))?;
    progress_view.end();
    Ok((report, interrupted.load(Relaxed)))
}

/// Prints a line and waits for Ctrl-C, which counts from before the line on.
fn say_until_interrupt(line: impl Display) -> io::Result<()> {
    let said = async {
        say(line);
        pending::<()>().await;
    };
    runtime()?.block_on(async {
        tokio::select! {
            biased;
            // Its first poll begins to watch.
            () = switchyard_process::signals::interrupted() => {}
            () = said => {}
        }
    });
    Ok(())
}

fn runtime() -> io::Result<runtime::Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}
