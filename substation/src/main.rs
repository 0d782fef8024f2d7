//! The `substation` binary: the command line around the library. `--help` says what it does.

mod cli;
mod fleet;

use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use substation::Substation;
use tokio::runtime::{Builder, Runtime};

use cli::{Args, Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::Healthcheck { url }) = cli.command {
        return ended(substation::healthcheck(&url).map_err(anyhow::Error::from));
    }
    let Some(args) = cli.run else {
        // Not even one of the options that have to be given.
        let missing = "--listen and --capacity-kw have to be given; --help says more";
        Cli::command()
            .error(ErrorKind::MissingRequiredArgument, missing)
            .exit()
    };
    let fleet = match placed(&args) {
        Ok(fleet) => fleet,
        // Prints the message with the usage line and exits with 2, as clap's own errors do.
        Err(fault) => Cli::command()
            .error(ErrorKind::ValueValidation, fault)
            .exit(),
    };
    start_log();
    raise_file_limit();
    let ran = runtime(args.threads)
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(fleet::run(fleet, args.grace)));
    ended(ran)
}

fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("substation: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn placed(args: &Args) -> Result<Vec<fleet::Placed>, String> {
    let mut fleet = Vec::new();
    for planned in args.plan()? {
        let substation = Substation::new(planned.config).map_err(|error| cli::usage(&error))?;
        fleet.push((substation, planned.listen));
    }
    Ok(fleet)
}

fn runtime(threads: NonZeroUsize) -> std::io::Result<Runtime> {
    let mut builder = match threads.get() {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(threads.get()).enable_all().build()
}

/// Standard output carries the addresses; everything else goes to standard error.
fn start_log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

/// A thousand listeners and their connections need more than the usual soft limit of 1,024 open files.
/// If it can't be raised, the bind or accept that lacks one says so.
#[cfg(unix)]
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

#[cfg(not(unix))]
fn raise_file_limit() {}
