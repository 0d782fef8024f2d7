//! Runs days of the real proxy in a simulated world, and says which seeds break a promise.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    ops::ControlFlow,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Parser;
use switchyard_simulation::{
    runner::{Job, Outcome, Pool, read_seeds, shrink},
    world::plan::{Part, Plan},
};

/// How often the line of progress is written where it can be written over, and where it can't.
const PROGRESS: [Duration; 2] = [Duration::from_millis(500), Duration::from_mins(1)];

/// Lets many days of the real proxy happen in a simulated world, and judges each.
///
/// A seed decides everything: how many proxies, substations and clients there are, what goes wrong and when, how long each
/// packet takes and which thread runs next. The same seed is the same day, to the byte of its log.
///
/// Each day runs in a process of its own. After each event judges compare what clients were told with what substations have
/// booked: acknowledged, denied, doubled, reservations, limits, deadlines, evenness, truth, leaks, endings. A day that does
/// not end is found by its time ("hangs"), and one that dies by its process ("crashed").
///
/// A seed that breaks a promise is made smaller: machines, clients and faults are left out while the same judge objects. Then
/// one command is printed that shows the day. Once it is mended, its seed belongs into simulation/seeds.txt, whose days run
/// with the tests.
///
/// Exits with 0 if every day was as promised, and with 1 if one was not.
#[derive(Debug, Parser)]
#[command(name = "simulate-faults", max_term_width = 110)]
struct Arguments {
    /// How many seeds to run, from --from on.
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    from: u64,
    /// Stop after so many minutes, however many seeds are left.
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,
    /// Run this seed alone.
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seeds", "from", "minutes", "file"])]
    seed: Option<u64>,
    /// Leave these parts out of the day, as in fault3,client0,proxy1,substation7.
    #[arg(long, value_name = "PARTS", value_delimiter = ',', requires = "seed")]
    without: Vec<Part>,
    /// Print what happens in the day, a line for each event: first what is planned, then the time, what happened, and to which
    /// request.
    #[arg(long, requires = "seed")]
    log: bool,
    /// Run the days that are kept in this file instead, which each found something once.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "from"])]
    file: Option<PathBuf>,
    /// Go on after a failure; each is printed, and none is made smaller.
    #[arg(long)]
    keep_going: bool,
    /// How many days at once.
    #[arg(long, default_value_t = 2, value_name = "N")]
    jobs: usize,
    /// How many seconds of real time a day may take.
    #[arg(long, default_value_t = 120, value_name = "S")]
    limit: u64,
}

/// What has been run so far.
struct Progress {
    began: Instant,
    told: Instant,
    days: u64,
    asked: u64,
    booked: u64,
    lasted: Duration,
    failed: Vec<(Job, Outcome)>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "simulate-faults: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let pool = Pool {
        at_once: arguments.jobs,
        limit: Duration::from_secs(arguments.limit),
    };
    if let Some(seed) = arguments.seed {
        return one(seed, arguments, &pool);
    }
    let jobs: Box<dyn Iterator<Item = Job>> = match &arguments.file {
        Some(file) => {
            let text = fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
            Box::new(read_seeds(&text)?.into_iter().map(|seed| seed.job))
        }
        None => Box::new(
            (arguments.from..)
                .take(usize::try_from(arguments.seeds)?)
                .map(Job::of),
        ),
    };
    let until = arguments.minutes.map(|minutes| 60.0 * minutes);
    let mut progress = Progress::begin();
    pool.run_all(jobs, |job, outcome| {
        progress.count(job, outcome);
        let is_over = until.is_some_and(|until| progress.began.elapsed().as_secs_f64() > until);
        if is_over || !progress.failed.is_empty() && !arguments.keep_going {
            return ControlFlow::Break(());
        }
        progress.tell();
        ControlFlow::Continue(())
    })?;
    progress.end()?;
    if let [(job, outcome)] = progress.failed.as_slice()
        && !arguments.keep_going
    {
        make_smaller(job, outcome, &pool)?;
    }
    Ok(progress.failed.is_empty())
}

/// Runs a single day.
fn one(seed: u64, arguments: &Arguments, pool: &Pool) -> anyhow::Result<bool> {
    let job = Job {
        seed,
        without: arguments.without.clone(),
        has_log: arguments.log,
    };
    let mut out = io::stdout().lock();
    if arguments.log {
        print_plan(&job.plan(), &mut out)?;
    }
    let outcome = pool.run(&job)?;
    out.write_all(&outcome.log)?;
    if !outcome.errors.is_empty() && (arguments.log || outcome.verdict.is_some()) {
        writeln!(out, "\nIts standard error:\n{}", outcome.errors.trim_end())?;
    }
    let tally = &outcome.tally;
    writeln!(
        out,
        "\n{} events in {:.1} s, {} requests, {} booked; log {:016x}",
        tally.events,
        tally.lasted.as_secs_f64(),
        tally.asked,
        tally.booked,
        tally.digest
    )?;
    match &outcome.verdict {
        None => writeln!(out, "The day was as promised.")?,
        Some(verdict) => writeln!(out, "{verdict}")?,
    }
    Ok(outcome.verdict.is_none())
}

fn print_plan(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:#?}", plan.settings)?;
    writeln!(out, "proxies: {:?}", plan.proxies)?;
    for substation in &plan.substations {
        writeln!(out, "{substation:?}")?;
    }
    for client in &plan.clients {
        writeln!(out, "{client:?}")?;
    }
    for fault in &plan.faults {
        let (from, lasts) = (fault.from.as_secs_f64(), fault.lasts.as_secs_f64());
        writeln!(
            out,
            "fault{} from {from:.3} s for {lasts:.3} s: {}",
            fault.id, fault.what
        )?;
    }
    writeln!(out)
}

/// Leaves out of a failing day what its failure does not need, and prints how to see the rest.
fn make_smaller(job: &Job, outcome: &Outcome, pool: &Pool) -> anyhow::Result<()> {
    let Some(verdict) = &outcome.verdict else {
        return Ok(());
    };
    let mut out = io::stdout().lock();
    let parts = job.plan().parts();
    writeln!(
        out,
        "The day has {} parts. It is made smaller.",
        parts.len()
    )?;
    let without = shrink(&parts, &job.without, |without| {
        let job = Job {
            without: without.to_vec(),
            ..job.clone()
        };
        let found = pool.run(&job)?.verdict;
        Ok::<_, io::Error>(found.is_some_and(|found| found.judge == verdict.judge))
    })?;
    let small = Job {
        without,
        ..job.clone()
    };
    let left = small.plan().parts().len();
    if let Some(verdict) = pool.run(&small)?.verdict {
        writeln!(out, "With {left} parts: {verdict}")?;
    }
    writeln!(
        out,
        "See it: cargo run --release -p switchyard-simulation --example simulate-faults -- {small} --log"
    )?;
    Ok(())
}

impl Progress {
    fn begin() -> Self {
        Self {
            began: Instant::now(),
            told: Instant::now(),
            days: 0,
            asked: 0,
            booked: 0,
            lasted: Duration::ZERO,
            failed: Vec::new(),
        }
    }

    fn count(&mut self, job: Job, outcome: Outcome) {
        self.days += 1;
        self.asked += outcome.tally.asked;
        self.booked += outcome.tally.booked;
        self.lasted += outcome.tally.lasted;
        if let Some(verdict) = &outcome.verdict {
            let _ = writeln!(io::stdout(), "\r{job}: {verdict}");
            self.failed.push((job, outcome));
        }
    }

    /// Writes a line now and then.
    fn tell(&mut self) {
        let [often, seldom] = PROGRESS;
        let is_terminal = io::stderr().is_terminal();
        if self.told.elapsed() < if is_terminal { often } else { seldom } {
            return;
        }
        self.told = Instant::now();
        let end = if is_terminal { '\r' } else { '\n' };
        let _ = write!(io::stderr(), "{}{end}", self.line());
    }

    fn line(&self) -> String {
        let seconds = self.began.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a number to be read")]
        let rate = self.days as f64 / seconds.max(1e-3);
        format!(
            "{} seeds in {seconds:.0} s, {rate:.1} a second; {} failed",
            self.days,
            self.failed.len()
        )
    }

    fn end(&self) -> io::Result<()> {
        writeln!(
            io::stdout(),
            "{}; {} requests, {} booked, {:.1} simulated hours",
            self.line(),
            self.asked,
            self.booked,
            self.lasted.as_secs_f64() / 3600.0
        )
    }
}
