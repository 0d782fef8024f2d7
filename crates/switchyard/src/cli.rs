//! The command line.

#[cfg(test)]
mod tests;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, anyhow, bail};
use clap::{Args, CommandFactory, Parser, Subcommand};
use tracing::info;

use switchyard_command_line::Completions;
use switchyard_config::{self as config, Config, LogFormat, LogLevel, connect_address};
use switchyard_credentials as credentials;
use switchyard_process::{
    LogForm, healthcheck, log_to_stderr, print_error, print_panics, raise_file_limit,
    refuse_huge_pages, set_revision, signals, stderr,
};
use switchyard_proxy::{
    lifecycle::Lifecycle,
    log_filter,
    server::{self, Listeners},
};
use switchyard_tls::Credentials;
use switchyard_top as top;

use crate::{demo, help, init, output::show, probe, usage::WrongUsage};

/// Exit code of a failure.
const FAILED: u8 = 1;
/// Exit code of wrong usage, as clap's own.
const USAGE: u8 = 2;
/// Exit code of a wrong configuration (`EX_CONFIG` of sysexits.h).
const CONFIGURATION: u8 = 78;

/// A reverse proxy that sends each charge request, in one hop, to the substation that can best take it.
///
/// It compares substations by the load gauge that each exposes to Prometheus, plus its own ledger of the bookings that
/// the last sample of the gauge can't contain yet. A gauge is always out of date; balancing by gauges alone sends whole
/// bursts to one substation.
#[derive(Debug, Parser)]
#[command(name = "switchyard", version = help::SHORT_VERSION.as_str(), long_version = help::LONG_VERSION.as_str())]
#[command(max_term_width = 100, after_help = help::below(None))]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy (the default command)
    Run(Run),
    Init(Box<init::Options>),
    Probe(probe::Options),
    /// Check a configuration, and show it with every default filled in
    Check(ConfigFile),
    /// Print the configuration's JSON Schema, for editors
    Schema,
    /// Run the proxy, three substations of unequal capacity and a rush hour in one process
    Demo(demo::Options),
    /// Show what a running proxy is doing, live, in this terminal
    Top(top::Options),
    /// Check the health of a running proxy, for container engines: exits with 0 or 1
    Healthcheck {
        /// The page that must answer with 200: /ready to check that it takes requests, /live that it runs
        #[arg(
            long,
            value_name = "URL",
            default_value = "http://127.0.0.1:9901/ready"
        )]
        url: String,
        /// The configuration of the running proxy: its /ready is asked at admin.listen, over TLS if there is admin.tls,
        /// whose certificate is not checked
        #[arg(long, short, value_name = "FILE", conflicts_with = "url")]
        config: Option<PathBuf>,
        /// With an https URL, the authorities that may have signed the certificate (PEM); by default those of the system
        #[arg(long, value_name = "FILE", conflicts_with = "config")]
        ca: Option<PathBuf>,
    },
    Completions(Completions),
}

#[derive(Debug, Args)]
struct Run {
    #[command(flatten)]
    file: ConfigFile,
    /// Take over the listening sockets of the running process, once this process is ready
    #[arg(long)]
    upgrade: bool,
    /// Socket at which a new process takes over; its directory must be open to this user only
    ///
    /// Default: upgrade.sock in `$RUNTIME_DIRECTORY`, which systemd sets. Without this option and that
    /// variable, upgrades are disabled.
    #[arg(long, value_name = "PATH")]
    upgrade_socket: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file (YAML)
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "config/switchyard.yaml"
    )]
    config: PathBuf,
}

/// Parses and runs the command line. Returns the exit code.
#[must_use]
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let _flush = stderr::flush_at_end();
    print_panics();
    set_revision(help::BUILD.commit);
    let done = match cli.command {
        None => run(&cli.run),
        Some(Command::Run(file)) => run(&file),
        Some(Command::Check(file)) => check(&file),
        Some(Command::Init(options)) => {
            log_from(LogLevel::Warn);
            init::run(&options)
        }
        Some(Command::Probe(options)) => {
            log_from(LogLevel::Warn);
            probe::run(&options)
        }
        Some(Command::Schema) => schema(),
        Some(Command::Demo(options)) => {
            log_from(LogLevel::Error);
            demo::run(&options).map_err(anyhow::Error::new)
        }
        Some(Command::Top(options)) => top::run(&options).map_err(anyhow::Error::new),
        Some(Command::Healthcheck { url, config, ca }) => {
            check_health(url, config.as_deref(), ca.as_deref())
        }
        Some(Command::Completions(completions)) => {
            completions.write(Cli::command()).context("can't write")
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error("switchyard", format_args!("{error:#}"));
            if error.downcast_ref::<WrongUsage>().is_some() {
                return ExitCode::from(USAGE);
            }
            let of_server = error.downcast_ref::<server::Error>();
            let is_configuration = error.downcast_ref::<config::Error>().is_some()
                || matches!(of_server, Some(server::Error::Configuration(_)));
            ExitCode::from(if is_configuration {
                CONFIGURATION
            } else {
                FAILED
            })
        }
    }
}

fn check_health(url: String, config: Option<&Path>, ca: Option<&Path>) -> anyhow::Result<()> {
    let url = match config {
        None => url,
        Some(file) => {
            // Not as an error of the configuration: a container engine knows the exit codes 0 and 1 only.
            let admin = Config::admin_of(file).map_err(|error| anyhow!("{error:#}"))?;
            let listen = admin.listen;
            if listen.port() == 0 {
                bail!(
                    "{}: admin.listen has port 0, which is any free one: say with --url which it is",
                    file.display()
                );
            }
            let scheme = if admin.tls.is_some() { "https" } else { "http" };
            format!("{scheme}://{}/ready", connect_address(listen))
        }
    };
    let trust = || match config {
        // The process of this machine's own configuration is asked, and told no secret.
        Some(_) => credentials::unverified().map_err(|error| error.to_string()),
        None => credentials::client_of(ca),
    };
    healthcheck(&url, trust).map_err(anyhow::Error::new)
}

fn run(options: &Run) -> anyhow::Result<()> {
    let file = &options.file;
    let config = Config::load(&file.config)?;
    log_to_stderr(&log_filter(config.log.level), log_form(&config.log));
    info!(file = %file.config.display(), substations = config.substations.len(), "Configuration read");
    let credentials = Credentials::load(&config, &file.config.display().to_string())?;
    raise_file_limit();
    refuse_huge_pages();
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
        |gate| lifecycle.run(gate, sockets, Box::pin(signals::terminated())),
    )?;
    Ok(())
}

/// The path of the upgrade socket: as given, or in the directory that systemd made for this service.
fn upgrade_socket(given: Option<&Path>) -> Option<PathBuf> {
    given.map(Path::to_owned).or_else(|| {
        let directories = env::var_os("RUNTIME_DIRECTORY")?;
        let directory = env::split_paths(&directories).next()?;
        Some(directory.join("upgrade.sock"))
    })
}

fn check(file: &ConfigFile) -> anyhow::Result<()> {
    let config = Config::load(&file.config)?;
    log_from(LogLevel::Warn);
    Credentials::load(&config, &file.config.display().to_string())?;
    let effective =
        yaml_serde::to_string(&config).context("can't write the configuration as YAML")?;
    for advice in config.advice() {
        stderr::line(format_args!("{}: warning: {advice}", file.config.display()));
    }
    show(&format!(
        "# {} is valid. The effective configuration:\n{effective}{}",
        file.config.display(),
        config.outline()
    ))
}

fn schema() -> anyhow::Result<()> {
    let schema = serde_json::to_string_pretty(&Config::schema())?;
    show(&format!("{schema}\n"))
}

/// Logs from this level on, as text: for a command that ends, or is watched.
fn log_from(level: LogLevel) {
    log_to_stderr(&log_filter(level), LogForm::Text);
}

fn log_form(log: &config::Log) -> LogForm {
    match log.format {
        LogFormat::Text => LogForm::Text,
        LogFormat::Json => LogForm::Json,
    }
}
