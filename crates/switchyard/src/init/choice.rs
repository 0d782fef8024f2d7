//! Which gauge is the load, and which the capacity.

use std::collections::BTreeSet;

use anyhow::bail;
use switchyard_config::{Aggregate, Load, Series};
use switchyard_scrape::{Gauges, PollFailure};
use switchyard_survey::{Candidate, Look, Page, candidates, nearest};

use super::{Options, plan::Plan, questions::Questions, talk::say};

/// The most gauges that are offered.
const MOST: usize = 12;

/// Chooses the load gauge: the one that the user names, or the likeliest on the pages. There are `all` substations, with
/// and without a page.
pub(super) fn load(
    plan: &mut Plan,
    options: &Options,
    (looks, all): (&[&Look], usize),
    questions: Option<&mut Questions>,
) -> anyhow::Result<()> {
    let pages: Vec<_> = looks.iter().map(|look| &look.page).collect();
    let found = candidates(&pages);
    if let Some(metric) = &options.metric {
        return take_named(plan, metric, (looks, all), &found);
    }
    let likely: Vec<_> = found.iter().filter(|one| one.is_likely).collect();
    let chosen = match &likely[..] {
        [one] => (*one).clone(),
        [one, ..] if one.known.is_some() => (*one).clone(),
        [] => offer("No gauge looks like a load", &found, questions)?,
        several => {
            let several: Vec<_> = several.iter().copied().cloned().collect();
            offer("Several gauges look like the load", &several, questions)?
        }
    };
    say(format_args!("\n{}", looks_like(&chosen, all)));
    take(plan, &chosen, (looks, all))
}

/// As in "`vllm:num_requests_running` looks like your load: 3 series match."
fn looks_like(one: &Candidate, all: usize) -> String {
    let of = one.known.map(|known| format!(" (of {})", known.program));
    let series = match one.series {
        1 => "1 series matches".to_owned(),
        many => format!("{many} series match"),
    };
    format!(
        "{}{} looks like your load: {series}, at {} of {all} substations.",
        one.metric,
        of.unwrap_or_default(),
        one.pages
    )
}

/// Lets the user choose, or says what there is to choose from.
fn offer(
    why: &str,
    all: &[Candidate],
    questions: Option<&mut Questions>,
) -> anyhow::Result<Candidate> {
    let shown = all.get(..MOST).unwrap_or(all);
    if shown.is_empty() {
        bail!(
            "no gauge that could be a load is on these pages, so nothing was written: `switchyard probe ADDRESS` shows \
             what is there; name the gauge by --metric NAME"
        );
    }
    let Some(questions) = questions else {
        let names: Vec<_> = shown.iter().map(|one| one.metric.as_str()).collect();
        let more = all.len() - shown.len();
        let more = if more > 0 {
            format!(", and {more} more")
        } else {
            String::new()
        };
        bail!(
            "{}, so nothing was written: say by --metric NAME which it is: {}{more}",
            lower(why),
            names.join(", ")
        );
    };
    say(format_args!("\n{why}. Which one is it?"));
    for (number, one) in (1..).zip(shown.iter()) {
        say(format_args!(
            "  {number:>2}  {} ({} series, {} pages)",
            one.metric, one.series, one.pages
        ));
    }
    let at = questions.ask("number [1]", |answer| match answer {
        "" => Ok(0),
        answer => {
            let number = answer.parse::<usize>().ok();
            let at = number.and_then(|number| number.checked_sub(1));
            at.filter(|at| *at < shown.len())
                .ok_or_else(|| format!("must be a number from 1 to {}", shown.len()))
        }
    })?;
    shown
        .get(at)
        .cloned()
        .ok_or_else(|| anyhow::anyhow!("no such gauge"))
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn take(plan: &mut Plan, one: &Candidate, (looks, all): (&[&Look], usize)) -> anyhow::Result<()> {
    plan.metric = Some(one.metric.clone());
    plan.aggregate = if one.is_several {
        Aggregate::Sum
    } else {
        Aggregate::None
    };
    plan.unit = one.unit;
    plan.known = one.known;
    if plan.capacity_metric.is_none() && plan.capacity.is_none() {
        plan.capacity_metric.clone_from(&one.capacity);
    }
    let series: Series = one.metric.parse()?;
    plan.shown = Some((read(&series, plan.aggregate, looks).0, all));
    Ok(())
}

/// How many of the pages give a load by this gauge, and why the others don't.
fn read(metric: &Series, aggregate: Aggregate, looks: &[&Look]) -> (usize, Vec<PollFailure>) {
    let gauges = Gauges::new(&Load {
        metric: metric.clone(),
        aggregate,
        ..Load::default()
    });
    let read = looks.iter().map(|look| gauges.of_page(&look.bytes, None));
    let (good, bad): (Vec<_>, Vec<_>) = read.partition(Result::is_ok);
    (
        good.len(),
        bad.into_iter().filter_map(Result::err).collect(),
    )
}

/// Takes the gauge that the user names, if a page has it as a load.
fn take_named(
    plan: &mut Plan,
    metric: &Series,
    (looks, all): (&[&Look], usize),
    found: &[Candidate],
) -> anyhow::Result<()> {
    let (mut good, mut bad) = read(metric, Aggregate::None, looks);
    if bad.iter().any(|one| matches!(one, PollFailure::Several(_))) {
        say(format_args!(
            "\nSeveral series match {metric}, so they are added (aggregate: sum). If one of them is meant, name its labels."
        ));
        plan.aggregate = Aggregate::Sum;
        (good, bad) = read(metric, Aggregate::Sum, looks);
    }
    if good == 0 {
        let why = bad.first().map(ToString::to_string).unwrap_or_default();
        bail!(
            "no substation shows {metric} as a load, so nothing was written: {why}{}",
            similar(metric, looks)
        );
    }
    if let Some(one) = found.iter().find(|one| one.metric == metric.to_string()) {
        plan.unit = one.unit;
        plan.known = one.known;
        if plan.capacity_metric.is_none() && plan.capacity.is_none() {
            plan.capacity_metric.clone_from(&one.capacity);
        }
    }
    if let Some(why) = metric.terms().find_map(|term| {
        let kinds = looks
            .iter()
            .filter_map(|look| look.page.no_gauge(&term.name));
        kinds.map(|why| format!("{} {why}", term.name)).next()
    }) {
        say(format_args!(
            "\nNote: {why}: it only grows, and a gauge is needed."
        ));
    }
    plan.shown = Some((good, all));
    Ok(())
}

fn similar(metric: &Series, looks: &[&Look]) -> String {
    let pages = looks.iter().map(|look| &look.page);
    let names: BTreeSet<_> = pages.flat_map(Page::names).collect();
    let near: Vec<_> = metric
        .terms()
        .filter(|term| !names.contains(term.name.as_str()))
        .flat_map(|term| nearest(&term.name, &names))
        .collect();
    match &near[..] {
        [] => String::new(),
        near => format!("; similar: {}", near.join(", ")),
    }
}

/// Says where the capacity comes from, and asks for it if it comes from nowhere.
pub(super) fn capacity(
    plan: &mut Plan,
    options: &Options,
    looks: &[&Look],
    questions: Option<&mut Questions>,
) -> anyhow::Result<()> {
    if let Some(capacity) = &options.capacity_metric {
        let (good, bad) = read(capacity, plan.aggregate, looks);
        if good == 0 {
            let why = bad.first().map(ToString::to_string).unwrap_or_default();
            bail!(
                "no substation shows {capacity} as a capacity, so nothing was written: {why}{}",
                similar(capacity, looks)
            );
        }
    }
    if let Some(capacity) = &plan.capacity_metric {
        say(format_args!("{capacity} looks like its capacity."));
        return Ok(());
    }
    if plan.capacity.is_some() {
        return Ok(());
    }
    say(
        "No gauge looks like its capacity. Without one, all substations count as equally large, and none is ever full.",
    );
    if let Some(questions) = questions.filter(|_| !plan.places.is_empty()) {
        plan.capacity = questions.ask(
            "capacity of each, in the unit of the load [none]",
            |answer| match answer {
                "" => Ok(None),
                number => switchyard_config::check_load(number.parse().ok()).map(Some),
            },
        )?;
    }
    Ok(())
}
