//! `switchyard probe`: what a scrape of one substation reads, and why.

mod json;
mod prometheus;
mod report;
mod subject;
mod time;

pub(crate) use time::took;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use switchyard_config::{Aggregate, Config, Series};
use switchyard_survey::{Look, Surveyor};
use tokio::runtime;

use crate::{help, output};

/// Show what a scrape of a substation reads, and which series it does not read, and why
///
/// It scrapes once, by the code with which the proxy scrapes, and with the settings of a configuration: the path, the
/// timeout, TLS, the token. Then it lists the series that have the name of the load gauge or of the capacity gauge, says
/// of each whether it is read, and shows the sample that the proxy's ledger would take.
#[derive(Debug, Args)]
#[command(after_help = help::below(Some("probe")))]
pub(crate) struct Options {
    /// The substation: HOST:PORT, or with --config also the name of one that it lists
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// Scrape as this configuration says: its load settings, TLS, token. Without it, defaults apply
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The load gauge, in place of `load.metric`: a name, perhaps with labels, or several with + between them
    #[arg(long, value_name = "SERIES")]
    metric: Option<Series>,
    /// The capacity gauge, in place of `load.capacity_metric`
    #[arg(long, value_name = "SERIES")]
    capacity_metric: Option<Series>,
    /// How several series are combined, in place of `load.aggregate`: none, sum or max
    #[arg(long, value_name = "HOW")]
    aggregate: Option<Aggregate>,
    /// The path of the metrics, in place of `load.path`
    #[arg(long, value_name = "PATH", value_parser = path)]
    path: Option<String>,
    /// How long the scrape may take, in place of `load.timeout`. Needs a unit, such as 2s
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

/// What was looked at.
struct Probed {
    config: Config,
    /// The name in the configuration, if it lists the substation.
    name: Option<String>,
    surveyor: Surveyor,
    look: Look,
    /// What Prometheus says, where that is asked in place of the substation.
    prometheus: Option<Result<prometheus::Sample, String>>,
}

/// Probes, and prints what was found. Fails if no sample was read.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let (mut config, substation, name) = subject::find(options)?;
    options.apply(&mut config);
    let surveyor = subject::surveyor(&config, options)?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("can't start")?;
    let (look, prometheus) = runtime.block_on(async {
        let look = surveyor.look(&substation).await;
        let asked = match &config.load.prometheus {
            Some(settings) => Some(prometheus::ask(settings, &substation).await),
            None => None,
        };
        (look, asked)
    });
    // The look-up of a name may still block.
    runtime.shutdown_background();
    let probed = Probed {
        config,
        name,
        surveyor,
        look,
        prometheus,
    };
    let text = if options.json {
        json::text(&probed)?
    } else {
        report::text(&probed)
    };
    output::show(&text)?;
    match (&probed.prometheus, &probed.look.sample) {
        (Some(Ok(_)), _) | (None, Ok(_)) => Ok(()),
        (Some(Err(why)), _) => bail!("no sample from Prometheus: {why}"),
        (None, Err(failure)) => bail!("no sample: {failure}"),
    }
}

impl Options {
    /// Puts what was said in place of the configuration's.
    fn apply(&self, config: &mut Config) {
        let load = &mut config.load;
        let Self {
            metric,
            capacity_metric,
            aggregate,
            path,
            timeout,
            ..
        } = self;
        if let Some(metric) = metric {
            load.metric = metric.clone();
        }
        if let Some(metric) = capacity_metric {
            load.capacity_metric = metric.clone();
        }
        load.aggregate = aggregate.unwrap_or(load.aggregate);
        load.timeout = timeout.unwrap_or(load.timeout);
        if let Some(path) = path {
            load.path.clone_from(path);
        }
    }
}

/// A path that a request can ask for.
pub(crate) fn path(text: &str) -> Result<String, String> {
    if text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err("must begin with '/' and have no blanks, as in /metrics".to_owned())
}
