//! Days of the real proxy in a simulated world.
//!
//! Each day is a fork of this process, which must have one thread for that. So it has no test harness but a `main` that
//! speaks what `cargo test` and `cargo nextest` ask for.

use std::{
    env, fs,
    io::{self, Write},
    ops::ControlFlow,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use switchyard_simulation::runner::{Job, Outcome, Pool, Seed, read_seeds};

type Failure = Box<dyn std::error::Error>;
type Test = fn() -> Result<(), Failure>;

/// The tests, by name.
const TESTS: [(&str, Test); 3] = [
    (
        "the_same_seed_is_the_same_day_to_the_byte_of_its_log",
        same_day,
    ),
    ("the_days_that_found_something_are_as_promised", kept_days),
    ("the_days_of_the_first_seeds_are_as_promised", new_days),
];

/// How long new days are lived; `SIMULATION_SECONDS` sets another.
const SECONDS: u64 = 25;
/// The most of them, so that a fast machine does not live days that no other has.
const DAYS: u64 = 400;
/// How long the kept days may take together.
const PATIENCE: Duration = Duration::from_mins(2);

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    // `cargo nextest` says `--format terse`: that word names no test.
    let is_value =
        |at: usize| at > 0 && arguments.get(at - 1).is_some_and(|flag| flag == "--format");
    let words = arguments
        .iter()
        .enumerate()
        .filter(|(at, _)| !is_value(*at));
    let mut words = words.map(|(_, word)| word);
    let wanted = words.find(|word| !word.starts_with('-'));
    let mut out = io::stdout();
    let mut code = ExitCode::SUCCESS;
    for (name, test) in TESTS {
        let is_wanted = wanted.is_none_or(|wanted| {
            if has("--exact") {
                name == wanted
            } else {
                name.contains(wanted.as_str())
            }
        });
        if !is_wanted || has("--ignored") {
            continue;
        }
        if has("--list") {
            let _ = writeln!(out, "{name}: test");
        } else if let Err(failure) = test() {
            let _ = writeln!(out, "test {name} ... FAILED\n{failure}");
            code = ExitCode::FAILURE;
        } else {
            let _ = writeln!(out, "test {name} ... ok");
        }
    }
    code
}

/// The words of a day that was not as promised, unless it is known for that.
fn objection(job: &Job, outcome: &Outcome, known: &[Seed]) -> Option<String> {
    let verdict = outcome.verdict.as_ref()?;
    let mut known = known.iter().filter(|seed| seed.job == *job);
    if known.any(|seed| seed.is_open(verdict)) {
        return None;
    }
    Some(format!(
        "{job}: {verdict}\n{}\nMake it smaller: make simulate-faults SEEDS=1 FROM={}",
        outcome.errors, job.seed
    ))
}

fn known() -> Result<Vec<Seed>, Failure> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds.txt");
    Ok(read_seeds(&fs::read_to_string(file)?)?)
}

/// Runs days, and fails with all that was not as promised.
fn judge(jobs: impl IntoIterator<Item = Job>, until: Instant) -> Result<(u64, Duration), Failure> {
    let known = known()?;
    let mut objections = Vec::new();
    let (mut days, mut lasted) = (0, Duration::ZERO);
    Pool::default().run_all(jobs, |job, outcome| {
        days += 1;
        lasted += outcome.tally.lasted;
        objections.extend(objection(&job, &outcome, &known));
        if Instant::now() < until {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    if objections.is_empty() {
        Ok((days, lasted))
    } else {
        Err(objections.join("\n").into())
    }
}

fn same_day() -> Result<(), Failure> {
    for seed in [1, 2, 3, 4] {
        let job = Job {
            has_log: true,
            ..Job::of(seed)
        };
        let [one, other] = [(); 2].map(|()| Pool::default().run(&job));
        let (one, other) = (one?, other?);
        if let Some(words) = objection(&job, &one, &[]) {
            return Err(words.into());
        }
        if one.log.is_empty() {
            return Err(format!("the day of {seed} has no log").into());
        }
        if one.log != other.log {
            let (one, other) = (text(&one.log), text(&other.log));
            let mut lines = one.lines().zip(other.lines()).enumerate();
            let first = lines.find(|(_, (one, other))| one != other);
            return Err(format!("the two days of {seed} differ: {first:?}").into());
        }
    }
    Ok(())
}

fn text(log: &[u8]) -> String {
    String::from_utf8_lossy(log).into_owned()
}

fn kept_days() -> Result<(), Failure> {
    let seeds = known()?;
    judge(
        seeds.into_iter().map(|seed| seed.job),
        Instant::now() + PATIENCE,
    )?;
    Ok(())
}

/// The days of the first seeds, as many as there is time for.
fn new_days() -> Result<(), Failure> {
    let seconds = env::var("SIMULATION_SECONDS").ok();
    let seconds = seconds
        .and_then(|text| text.parse().ok())
        .unwrap_or(SECONDS);
    let began = Instant::now();
    let (days, lasted) = judge((0..DAYS).map(Job::of), began + Duration::from_secs(seconds))?;
    writeln!(
        io::stdout(),
        "{days} days, {:.1} simulated minutes, in {:.1} s",
        lasted.as_secs_f64() / 60.0,
        began.elapsed().as_secs_f64()
    )?;
    Ok(())
}
