//! The command line.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;
use tracing_subscriber::EnvFilter;

use crate::{
    config::{self, Config},
    credentials::Credentials,
    demo,
    server::{self, Listeners},
};

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
    run: ConfigFile,
}

const EXAMPLES: &str = "\
Examples:
  switchyard demo                              see it work: proxy, three substations and a rush hour
  switchyard check --config my.yaml            is this configuration right? What are the defaults?
  switchyard run --config my.yaml              run it
  switchyard healthcheck                       is the one that runs ready?
  curl -X POST localhost:8080/request_charge -d '{\"power_kw\": 22}'
  curl localhost:9901/status

SIGTERM and SIGINT end it once the requests in hand are answered.
RUST_LOG sets what is logged: warn, info (default), debug, switchyard=debug ...
Exit codes: 0 ended as told, 1 failed, 2 wrong usage, 78 wrong configuration.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy (also without any command)
    Run(ConfigFile),
    /// Check a configuration, and show it with every default filled in
    Check(ConfigFile),
    /// Proxy, three substations of unequal capacity and a rush hour, all in one process
    Demo(demo::Options),
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
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => run(&cli.run),
        Some(Command::Run(file)) => run(&file),
        Some(Command::Check(file)) => check(&file),
        Some(Command::Demo(options)) => {
            log_to_stderr("error");
            demo::run(&options).map_err(anyhow::Error::new)
        }
        Some(Command::Healthcheck { url }) => {
            substation::healthcheck(&url).map_err(anyhow::Error::new)
        }
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

fn run(file: &ConfigFile) -> anyhow::Result<()> {
    let config = Config::from_file(&file.config)?;
    log_to_stderr("info");
    info!(file = %file.config.display(), substations = config.substations.len(), "Configuration read");
    let credentials = Credentials::load(&config, &file.config.display().to_string())?;
    raise_file_limit();
    let listeners = Listeners::bind(&config)?;
    server::run(config, credentials, listeners, told_to_end())?;
    Ok(())
}

fn check(file: &ConfigFile) -> anyhow::Result<()> {
    let config = Config::from_file(&file.config)?;
    log_to_stderr("warn");
    Credentials::load(&config, &file.config.display().to_string())?;
    let effective =
        serde_yaml::to_string(&config).context("can't write the configuration as YAML")?;
    let mut out = io::stdout().lock();
    let shown = writeln!(
        out,
        "# {} is right. In force would be:",
        file.config.display()
    )
    .and_then(|()| out.write_all(effective.as_bytes()));
    match shown {
        // The reader of a pipe may have seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("can't write")
        }
        _ => Ok(()),
    }
}

/// Completes when the process is told to end. SIGHUP, which would kill it, is taken and only noted.
async fn told_to_end() {
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()),
    ) else {
        // Without handlers the system's own apply: the process ends, without a drain.
        return std::future::pending().await;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => return,
            _ = interrupt.recv() => return,
            _ = hangup.recv() => info!("SIGHUP: a changed configuration needs a restart so far"),
        }
    }
}

/// A client connection is an open file, and so is its request's way on: the usual soft limit of 1,024 would
/// be reached long before `limits.connections`. Where it can't be raised, accepting says so.
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

fn log_to_stderr(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        // Pingora tells of every connection that breaks; what matters of that is counted here.
        EnvFilter::new(format!("{level},pingora_core=error"))
    });
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    // A second subscriber can only be one that a test has set: keep it.
    let _ = logger.try_init();
}
