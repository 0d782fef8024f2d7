//! The `substation` binary: the command line around the library. `--help` says what it does.

mod cli;
mod fleet;

use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use substation::Substation;
use switchyard_process::{
    LogForm, log_to_stderr, print_panics, raise_file_limit, set_revision, stderr,
};
use tokio::runtime::{Builder, Runtime};

use cli::{Args, Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let _flush = stderr::flush_at_end();
    print_panics();
    // Standard output carries the addresses.
    log_to_stderr("info", LogForm::Text);
    set_revision(cli::BUILD.commit);
    match cli.command {
        Some(Command::Healthcheck { url, ca }) => {
            let trust = || switchyard_credentials::client_of(ca.as_deref());
            let checked = switchyard_process::healthcheck(&url, trust);
            return exit_code(checked.map_err(anyhow::Error::from));
        }
        Some(Command::Completions(completions)) => {
            let written = completions.write(Cli::command());
            return exit_code(written.map_err(anyhow::Error::from));
        }
        None => {}
    }
    let Some(args) = cli.run else {
        // None of the required options is there.
        let missing = "--listen and --capacity-kw are required; see --help";
        Cli::command()
            .error(ErrorKind::MissingRequiredArgument, missing)
            .exit()
    };
    let tls = args.tls();
    let (fleet, tls) = match build_fleet(&args).and_then(|fleet| Ok((fleet, tls?))) {
        Ok(ready) => ready,
        // Prints the message with the usage line and exits with 2, as clap's own errors do.
        Err(fault) => Cli::command()
            .error(ErrorKind::ValueValidation, fault)
            .exit(),
    };
    // A thousand listeners and their connections need more files than the usual soft limit of 1,024.
    raise_file_limit();
    let ran = runtime(args.threads)
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            let ran = runtime.block_on(fleet::run(fleet, tls, args.backlog, args.grace));
            // Nothing that still runs is worth waiting for.
            runtime.shutdown_background();
            ran
        });
    exit_code(ran)
}

fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            stderr::line(format_args!("substation: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn build_fleet(args: &Args) -> Result<Vec<fleet::Member>, String> {
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
