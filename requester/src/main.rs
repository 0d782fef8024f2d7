//! The `requester` binary: the command line around the library. `--help` says what it does.

mod cli;

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::CommandFactory;
use clap::error::ErrorKind;
use requester::{Html, Options, Output, ProgressView, Report, Summary, write_csv};
use switchyard_process::{print_panics, set_revision, signals::Termination, stderr};
use tokio::select;

use cli::{Args, Command, CommonArgs};

/// A check failed. Not 1, so that a pipeline can tell a bad result from no result.
const CHECK_FAILED: u8 = 3;

fn main() -> ExitCode {
    let args = Args::read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let _flush = stderr::flush_at_end();
    print_panics();
    set_revision(cli::BUILD.commit);
    let command = args.command;
    let Some(common) = command.common() else {
        return exit_code(print(&command).map(|()| ExitCode::SUCCESS));
    };
    let options = match command.options(common) {
        Ok(options) => options,
        // Prints the message with the usage line and exits with 2, as clap's own errors do.
        Err(fault) => Args::command()
            .error(ErrorKind::ValueValidation, fault)
            .exit(),
    };
    exit_code(act(&command, common, options))
}

fn exit_code(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        stderr::line(format_args!("requester: {error:#}"));
        ExitCode::FAILURE
    })
}

/// For a command that offers no load.
fn print(command: &Command) -> Result<()> {
    if let Command::Completions(completions) = command {
        return completions
            .write(Args::command())
            .context("cannot write the completions");
    }
    let schema = serde_json::to_string_pretty(&Report::schema())?;
    writeln!(io::stdout(), "{schema}").context("cannot write the schema")
}

fn act(command: &Command, common: &CommonArgs, mut options: Options) -> Result<ExitCode> {
    if let Command::Replay(args) = command {
        args.read(&mut options)?;
    }
    match &common.offers {
        Some(path) => write_offers(path, &options).map(|()| ExitCode::SUCCESS),
        None => measure(common, options),
    }
}

fn write_offers(path: &Path, options: &Options) -> Result<()> {
    let output = prepare(path, "--offers")?;
    let mut csv = BufWriter::new(Vec::new());
    write_csv(options.offers(), &mut csv)?;
    let csv = csv.into_inner().map_err(io::IntoInnerError::into_error)?;
    output.write(&csv).context("cannot write the offers")
}

fn measure(common: &CommonArgs, options: Options) -> Result<ExitCode> {
    raise_file_limit(options.connections);
    // Before the run, so that an unwritable folder costs no run.
    let output = common.output.as_deref();
    let output = output.map(|path| prepare(path, "--output")).transpose()?;
    let page = common.report.as_deref();
    let page = page.map(|path| prepare(path, "--report")).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ran = runtime.block_on(run(options, common.quiet));
    // The look-up of a name may still block, for a run that was stopped meanwhile.
    runtime.shutdown_background();
    let mut report = ran?;
    report.checks = common
        .fail_if
        .iter()
        .map(|check| check.judge(&report))
        .collect();
    // A closed pipe is no error: the files are the result, and are still to be written.
    match &output {
        Some(output) if output.is_stdout() => {}
        _ => write!(io::stdout(), "{}", Summary(&report)).unwrap_or_default(),
    }
    if let Some(page) = page {
        page.write(Html(&report).to_string().as_bytes())
            .context("cannot write the page")?;
    }
    if let Some(output) = output {
        let mut json = serde_json::to_vec_pretty(&report)?;
        json.push(b'\n');
        output.write(&json).context("cannot write the report")?;
    }
    judge(&report)
}

fn prepare(path: &Path, option: &str) -> Result<Output> {
    let cannot = || format!("cannot write {}; pass another {option}", path.display());
    Output::prepare(path).with_context(cannot)
}

async fn run(options: Options, quiet: bool) -> Result<Report> {
    let mut first = Termination::watch().context("cannot watch for signals")?;
    let mut second = Termination::watch().context("cannot watch for signals")?;
    let view = (!quiet).then(ProgressView::new);
    let progress = |progress: &_| {
        if let Some(view) = &view {
            view.show(progress);
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
    if let Some(view) = &view {
        view.end();
    }
    Ok(report?)
}

/// A run in which no request succeeded is a failure, not a measurement.
fn judge(report: &Report) -> Result<ExitCode> {
    let offered = report.offered.requests;
    if offered == 0 || report.succeeded() > 0 {
        let failed = report.checks.iter().any(|check| !check.passed);
        return Ok(if failed {
            ExitCode::from(CHECK_FAILED)
        } else {
            ExitCode::SUCCESS
        });
    }
    let mut kinds = report.errors.first.values().cloned();
    let why = kinds.next().unwrap_or_else(|| {
        let answers = report.answers.keys().map(u16::to_string);
        let codes = report.errors.by_code.keys().cloned();
        answers.chain(codes).collect::<Vec<_>>().join(", ")
    });
    bail!("none of the {offered} requests succeeded ({why}); check the target and its log")
}

/// Each connection needs an open file. Warns if the limit may be too low.
fn raise_file_limit(connections: usize) {
    /// Standard streams, the runtime's own, the outputs.
    const OTHERS: u64 = 32;
    let needed = u64::try_from(connections).unwrap_or(u64::MAX);
    let limit = switchyard_process::raise_file_limit();
    if let Some(files) = limit.filter(|files| needed.saturating_add(OTHERS) > *files) {
        stderr::line(format_args!(
            "requester: {connections} connections may need more than the {files} files that this process \
             may open; raise the limit (ulimit -n), or lower --connections"
        ));
    }
}
