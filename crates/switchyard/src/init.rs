//! `switchyard init`: writes a configuration for substations that it has looked at.

mod choice;
mod file;
mod findings;
mod plan;
mod questions;
mod sources;
mod talk;
mod yaml;

use std::{
    io::{self, IsTerminal},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use switchyard_config::{Config, Lasts, Series, check_load};
use switchyard_survey::{Surveyor, look_at_all};
use tokio::runtime;

use self::{
    file::Target,
    plan::Plan,
    questions::Questions,
    sources::{Place, Source},
    talk::say,
};
use crate::{help, output, usage::WrongUsage};

/// Write a configuration, after a look at the gauges that the substations show
///
/// It looks at each substation as the proxy will, finds the gauge that is their load and the one that is their capacity,
/// and writes a commented configuration that `switchyard check` accepts. What is not said by an option is asked, if there
/// is a terminal: where the substations are, which gauge is their load, and how much load one can take. Nothing is
/// written over a file that exists.
#[derive(Debug, Args)]
#[command(after_help = help::below(Some("init")))]
pub(crate) struct Options {
    /// Substations: HOST:PORT, or NAME=HOST:PORT. May be repeated
    #[arg(long, value_name = "ADDRESS", num_args = 1.., value_parser = sources::place)]
    substation: Vec<Place>,
    /// Where further substations are found: `dns:NAME:PORT`, `srv:NAME`, `file:PATTERN`, or a URL. May be repeated
    #[arg(long, value_name = "SOURCE", num_args = 1.., value_parser = sources::source)]
    discover: Vec<Source>,
    /// The load gauge: a name, perhaps with labels, or several with + between them
    #[arg(long, value_name = "SERIES")]
    metric: Option<Series>,
    /// The capacity gauge
    #[arg(long, value_name = "SERIES", conflicts_with = "capacity")]
    capacity_metric: Option<Series>,
    /// The capacity of each substation that is named here, in the unit of the load gauge, where no gauge says it
    #[arg(long, value_name = "LOAD", value_parser = capacity, requires = "substation")]
    capacity: Option<f64>,
    /// How long the load of a request lasts: session (it outlives the answer), answer, or auto (learned from the gauges)
    #[arg(long, value_name = "HOW")]
    lasts: Option<Lasts>,
    /// The path of the metrics
    #[arg(long, value_name = "PATH", default_value = "/metrics", value_parser = crate::probe::path)]
    path: String,
    /// Speak TLS with substations, and believe the authorities in FILE (PEM), or those of the system
    #[arg(long, value_name = "FILE|system")]
    ca: Option<String>,
    /// Send the token in FILE with each scrape, as `Authorization: Bearer`
    #[arg(long, value_name = "FILE")]
    token_file: Option<String>,
    /// How long the look at a substation may take. Needs a unit, such as 2s
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// Look at nothing: for substations that can't be reached from here, or are not there yet
    #[arg(long)]
    offline: bool,
    /// Where the proxy takes requests
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the proxy has its admin port
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9901")]
    admin: SocketAddr,
    /// The file to write, which must not exist; "-" is standard output
    #[arg(
        long,
        short,
        value_name = "FILE",
        visible_alias = "config",
        default_value = "switchyard.yaml"
    )]
    output: PathBuf,
}

fn capacity(text: &str) -> Result<f64, String> {
    check_load(text.parse().ok())
}

/// Asks, looks, and writes.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let target = Target::of(&options.output)?;
    let mut questions =
        Questions::at_terminal(io::stdin().is_terminal() && io::stderr().is_terminal());
    let mut plan = Plan::of(options);
    if plan.is_empty() {
        let Some(questions) = &mut questions else {
            return Err(WrongUsage(
                "no terminal to ask at: say where the substations are, by --substation ADDRESS or --discover SOURCE"
                    .to_owned(),
                "init",
            )
            .into());
        };
        plan.take(questions.places()?);
    }
    if !options.offline {
        look(&mut plan, options, &target, questions.as_mut())?;
    }
    let text = yaml::text(&plan, &target);
    let checked = if options.offline {
        yaml::text(&plan.without_names(), &target)
    } else {
        text.clone()
    };
    read(&checked)?;
    if target.is_stdout() {
        return output::show(&text);
    }
    target.write(&text)?;
    say(format_args!(
        "\nWrote {target}. Next:\n  switchyard check --config {target}\n  switchyard run --config {target}"
    ));
    Ok(())
}

/// What would be written, as the proxy reads it. A fault of it is none of a configuration: there is none yet.
fn read(text: &str) -> anyhow::Result<Config> {
    Config::from_yaml(text, "what would be written")
        .map_err(|error| anyhow::anyhow!("nothing was written: {error}"))
}

/// Looks at the substations, and fills in what their pages say.
fn look(
    plan: &mut Plan,
    options: &Options,
    target: &Target,
    mut questions: Option<&mut Questions>,
) -> anyhow::Result<()> {
    let draft = yaml::text(plan, target);
    let mut config = read(&draft)?;
    config.load.timeout = options.timeout;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("can't start")?;
    let substations = runtime.block_on(sources::all(&config, target.folder()))?;
    if substations.is_empty() {
        bail!(
            "no substation was found, so nothing was written: correct --discover, or look at nothing by --offline"
        );
    }
    let surveyor = |config: &Config| {
        Surveyor::new(config)
            .map_err(|fault| anyhow::anyhow!("{}: {} {}", fault.path, fault.value, fault.rule))
    };
    let looks = runtime.block_on(look_at_all(Arc::new(surveyor(&config)?), &substations));
    // The look-up of a name may still block.
    runtime.shutdown_background();
    let seen: Vec<_> = substations.iter().zip(&looks).collect();
    findings::say_looks(&seen);
    let pages: Vec<_> = looks
        .iter()
        .filter(|look| look.no_page().is_none())
        .collect();
    if pages.is_empty() {
        bail!(
            "no page of metrics was read, so nothing was written: start a substation, correct --path, or look at \
             nothing by --offline"
        );
    }
    choice::load(
        plan,
        options,
        (&pages, looks.len()),
        questions.as_deref_mut(),
    )?;
    choice::capacity(plan, options, &pages, questions)?;
    plan.set_pace(pages.iter().map(|look| look.took).max().unwrap_or_default());
    // By the scrape's own reading: what is written is what was read.
    let mut config = read(&yaml::text(plan, target))?;
    config.load.timeout = options.timeout;
    findings::say_samples(plan, &surveyor(&config)?, &seen)
}
