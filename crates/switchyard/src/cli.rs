//! The command line.

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use tracing::info;

use switchyard_config::{self as config, Config};
use switchyard_process::{healthcheck, log_to_stderr, raise_file_limit, signals};
use switchyard_proxy::{
    lifecycle::Lifecycle,
    server::{self, Listeners},
};
use switchyard_tls::Credentials;
use switchyard_top as top;

use crate::demo;

/// The system could not do what was asked.
const FAILED: u8 = 1;
/// The configuration is wrong (`EX_CONFIG` of sysexits.h).
const CONFIGURATION: u8 = 78;

/// A reverse proxy that sends each charge request, in one hop, to the substation that can best take it.
///
/// It judges by the load gauge that every substation already exposes to Prometheus, and by its own ledger of
/// what the last sample of that gauge can't know yet: a gauge is always old, and whoever trusts it sends
/// whole bursts to one place.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

const EXAMPLES: &str = "\
Examples:
  switchyard demo                              see it work: proxy, three substations and a rush hour
  switchyard check --config my.yaml            is this configuration right? What are the defaults?
  switchyard run --config my.yaml              run it
  switchyard healthcheck                       is the one that runs ready?
  curl -X POST localhost:8080/request_charge -d '{\"power_kw\": 22}'
  switchyard top                               what it is doing, in this terminal
  curl localhost:9901/status

The same for a browser is the admin port's own page: http://localhost:9901/
SIGTERM and SIGINT end it once the requests in hand are answered.
SIGUSR2 starts the program anew, and the new process takes over without a lost request (--upgrade-socket).
RUST_LOG sets what is logged: warn, info (default), debug, switchyard=debug ...
Exit codes: 0 ended as told, 1 failed, 2 wrong usage, 78 wrong configuration.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy (also without any command)
    Run(Run),
    /// Check a configuration, and show it with every default filled in
    Check(ConfigFile),
    /// Print the configuration's JSON Schema, for editors
    Schema,
    /// Proxy, three substations of unequal capacity and a rush hour, all in one process
    Demo(demo::Options),
    /// Show what a running proxy is doing, live, in this terminal
    Top(top::Options),
    /// Ask a running proxy whether it is well, for container engines: exits with 0 or 1
    Healthcheck {
        /// What has to answer with 200: /ready if it should take requests, /live if it only has to run
        #[arg(
            long,
            value_name = "URL",
            default_value = "http://127.0.0.1:9901/ready"
        )]
        url: String,
    },
}

#[derive(Debug, Args)]
struct Run {
    #[command(flatten)]
    file: ConfigFile,
    /// Take over from the process that runs: its listening sockets, once this one is ready
    #[arg(long)]
    upgrade: bool,
    /// Where a new process asks for the listening sockets, in a directory open to nobody else
    ///
    /// Default: upgrade.sock in `$RUNTIME_DIRECTORY`, which systemd sets; without either there is no upgrade.
    #[arg(long, value_name = "PATH")]
    upgrade_socket: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration, as YAML
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "config/switchyard.yaml"
    )]
    config: PathBuf,
}

/// Parses the command line, does what it says, and returns how it went.
#[must_use]
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => run(&cli.run),
        Some(Command::Run(file)) => run(&file),
        Some(Command::Check(file)) => check(&file),
        Some(Command::Schema) => schema(),
        Some(Command::Demo(options)) => {
            log_from("error");
            demo::run(&options).map_err(anyhow::Error::new)
        }
        Some(Command::Top(options)) => top::run(&options).map_err(anyhow::Error::new),
        Some(Command::Healthcheck { url }) => healthcheck(&url).map_err(anyhow::Error::new),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is all there is to tell it on.
            let _ = writeln!(io::stderr(), "switchyard: {error:#}");
            let is_configuration = error.downcast_ref::<config::Error>().is_some();
            ExitCode::from(if is_configuration {
                CONFIGURATION
            } else {
                FAILED
            })
        }
    }
}

fn run(options: &Run) -> anyhow::Result<()> {
    let file = &options.file;
    let config = Config::from_file(&file.config)?;
    log_from("info");
    info!(file = %file.config.display(), substations = config.substations.len(), "Configuration read");
    let credentials = Credentials::load(&config, &file.config.display().to_string())?;
    raise_file_limit();
    let path = upgrade_socket(options.upgrade_socket.as_deref());
    if path.is_none() && options.upgrade {
        bail!(
            "--upgrade needs --upgrade-socket, the path that the running process was started with"
        );
    }
    let (lifecycle, inherited) = Lifecycle::arrange(path, options.upgrade)?;
    let listeners = Listeners::inherit(&config, inherited)?;
    let sockets = listeners.duplicates()?;
    server::run(
        config,
        Some(file.config.clone()),
        credentials,
        listeners,
        |gate| lifecycle.live(gate, sockets, Box::pin(signals::terminated())),
    )?;
    Ok(())
}

/// Where to meet a successor: as told, or in the directory that systemd made for this service.
fn upgrade_socket(told: Option<&Path>) -> Option<PathBuf> {
    told.map(Path::to_owned).or_else(|| {
        let directories = env::var_os("RUNTIME_DIRECTORY")?;
        let directory = env::split_paths(&directories).next()?;
        Some(directory.join("upgrade.sock"))
    })
}

fn check(file: &ConfigFile) -> anyhow::Result<()> {
    let config = Config::from_file(&file.config)?;
    log_from("warn");
    Credentials::load(&config, &file.config.display().to_string())?;
    let effective =
        yaml_serde::to_string(&config).context("can't write the configuration as YAML")?;
    for advice in config.advice() {
        // Advice that can't be told changes nothing.
        let _ = writeln!(io::stderr(), "{}: warning: {advice}", file.config.display());
    }
    show(&format!(
        "# {} is right. In force would be:\n{effective}",
        file.config.display()
    ))
}

fn schema() -> anyhow::Result<()> {
    let schema = serde_json::to_string_pretty(&Config::schema())?;
    show(&format!("{schema}\n"))
}

fn show(text: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // The reader of a pipe may have seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("can't write")
        }
        _ => Ok(()),
    }
}

/// Logs from this level on. Pingora tells of every connection that breaks; what matters of that is counted.
fn log_from(level: &str) {
    log_to_stderr(&format!("{level},pingora_core=error"));
}
