//! The `requester` binary: the command line around the library. `--help` says what it does.

mod cli;
mod output;
mod screen;
mod signals;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use requester::{Report, Steady, Summary};
use tokio::select;

use cli::{Args, Command, SteadyArgs};
use output::Output;
use screen::Screen;
use signals::Signals;

fn main() -> ExitCode {
    let Command::Steady(args) = Args::parse().command;
    let options = match args.options() {
        Ok(options) => options,
        // Prints the message with the usage line and exits with 2, as clap's own errors do.
        Err(fault) => Args::command()
            .error(ErrorKind::ValueValidation, fault)
            .exit(),
    };
    match measure(&args, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("requester: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &SteadyArgs, options: Steady) -> Result<()> {
    raise_file_limit(options.connections);
    // Before the run, so that a folder that can't be written to costs no run.
    let output = args.output.as_deref().map(Output::prepare).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(run(options, args.quiet))?;
    // What was measured is not lost to a pipe that was closed: the report counts, not its display.
    match &output {
        Some(output) if output.is_stdout() => {}
        _ => write!(io::stdout(), "{}", Summary(&report)).unwrap_or_default(),
    }
    if let Some(output) = output {
        output.write(&report)?;
    }
    judge(&report)
}

async fn run(options: Steady, quiet: bool) -> Result<Report> {
    let mut first = Signals::new().context("cannot watch for signals")?;
    let mut second = Signals::new().context("cannot watch for signals")?;
    let screen = (!quiet).then(Screen::new);
    let progress = |progress: &_| {
        if let Some(screen) = &screen {
            screen.show(progress);
        }
    };
    let shutdown = async {
        first.next().await;
    };
    let ended_at_once = async {
        second.next().await;
        second.next().await;
    };
    let report = select! {
        report = requester::run(options, progress, shutdown) => report,
        () = ended_at_once => bail!("ended by a second signal, without a report"),
    };
    if let Some(screen) = &screen {
        screen.end();
    }
    Ok(report?)
}

/// A run in which nothing worked is a failure of what was to be measured, not a measurement.
fn judge(report: &Report) -> Result<()> {
    let offered = report.offered.requests;
    if offered == 0 || report.succeeded() > 0 {
        return Ok(());
    }
    let mut kinds = report.errors.first.values().cloned();
    let why = kinds.next().unwrap_or_else(|| {
        let answers = report.answers.keys().map(u16::to_string);
        let codes = report.errors.by_code.keys().cloned();
        answers.chain(codes).collect::<Vec<_>>().join(", ")
    });
    bail!("none of the {offered} requests succeeded ({why}); check the target and its log")
}

/// Each connection needs an open file, and the usual soft limit is 1,024.
#[cfg(unix)]
fn raise_file_limit(connections: usize) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    /// Standard streams, the runtime's own, the output.
    const OTHERS: u64 = 32;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return;
    };
    let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    let files = if raised.is_ok() { hard } else { soft };
    if u64::try_from(connections)
        .is_ok_and(|connections| connections.saturating_add(OTHERS) > files)
    {
        eprintln!(
            "requester: {connections} connections may need more than the {files} files that this process \
             may open; raise the limit (ulimit -n), or lower --connections"
        );
    }
}

#[cfg(not(unix))]
fn raise_file_limit(_connections: usize) {}
